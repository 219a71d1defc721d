package postgres

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/glob"
	"github.com/tailrace/tailrace/internal/quote"
)

// blindPlan is what a new server needs, as far as that can be said without one.
func (s *Setup) blindPlan() (capture.Plan, error) {
	sel, err := s.literalTables()
	if err != nil {
		return capture.Plan{}, err
	}
	f := setupFound{unread: rightsFor(slices.Concat(sel.all, sel.insertOnly))}
	for _, p := range wantedPublications(s.cfg.Publication, sel) {
		f.pubs = append(f.pubs, setupPublication{publication: p, missing: p.tables})
	}
	if err := s.addAll(f, true); err != nil {
		return capture.Plan{}, err
	}
	return s.done(capture.Plan{Flavor: s.flavor, Settings: s.blindSettings(), Notes: s.notes(true)}), nil
}

// literalTables returns the tables that the configuration names one by one, and
// an error of usage if it has globs.
func (s *Setup) literalTables() (sel selection, err error) {
	const hint = asHint + " ask it"
	var excluded []string
	read := func(texts []string) (tables []tableInfo, err error) {
		for _, text := range texts {
			p := parsePattern(text)
			schema, name, _ := strings.Cut(p.Text, ".")
			switch {
			case p.Exclude:
				excluded = append(excluded, text)
			case !p.Literal():
				return nil, failure.Usage(hint, "only the server knows which tables %s names", text)
			case strings.Contains(name, "."):
				return nil, failure.Usage(hint, "only the server knows which part of %s is the schema", text)
			default:
				tables = append(tables, tableInfo{Schema: schema, Name: name})
			}
		}
		return tables, nil
	}
	if sel.all, err = read(s.cfg.Tables); err != nil {
		return sel, err
	}
	if sel.insertOnly, err = read(s.cfg.InsertOnly); err != nil {
		return sel, err
	}
	if len(sel.all) == 0 {
		return sel, failure.Usage(hint+", or name them in source.tables", "the tables are every one that there is, and only the server knows which that are")
	}
	out := func(t tableInfo) bool {
		return slices.ContainsFunc(excluded, func(text string) bool { return t.is(glob.Parse(text, "public")) })
	}
	only := func(t tableInfo) bool { return slices.Contains(sel.insertOnly, t) }
	sel.all = slices.DeleteFunc(sel.all, func(t tableInfo) bool { return out(t) || only(t) })
	sel.insertOnly = slices.DeleteFunc(sel.insertOnly, out)
	return sel, nil
}

// plan is what the server needs that was looked at.
func (s *Setup) plan(f setupFound) (capture.Plan, error) {
	makesSlot := f.slot == nil && (f.server.Replication || !s.cfg.Create)
	if err := s.addAll(f, makesSlot); err != nil {
		return capture.Plan{}, err
	}
	p := capture.Plan{Server: s.where(f.server.Version), As: f.server.Role, Flavor: s.flavor, Settings: s.settings(f)}
	if slices.ContainsFunc(s.steps, func(step setupStep) bool { return !step.Done }) {
		p.Notes = s.notes(makesSlot || f.slot != nil)
	}
	return s.done(p), nil
}

// addAll adds the steps. The slot is the last, since what is written from then on
// is kept, and must be readable with the publications.
func (s *Setup) addAll(f setupFound, makesSlot bool) error {
	if err := s.addRole(f.role); err != nil {
		return err
	}
	may := "What it may: follow the log, which needs no right on the tables. It writes nothing and owns nothing."
	if s.copies {
		may = "What it may: follow the log, and read the tables to copy them. It writes nothing and owns nothing."
	}
	s.add(may,
		"GRANT CONNECT ON DATABASE "+quote.PostgresIdent(s.source.Database)+" TO "+quote.PostgresIdent(s.source.User), f.connects)
	if s.copies {
		for _, grant := range f.unread.grants(s.source.User) {
			s.add("", grant, false)
		}
	}
	s.addPublications(f)
	if f.slot != nil || makesSlot {
		s.add("The slot. From now on the server keeps its log for it: start Tailrace soon, or give it back with tailrace setup --remove.",
			"SELECT pg_create_logical_replication_slot("+quote.PostgresLiteral(s.cfg.Slot)+", 'pgoutput')", f.slot != nil)
	}
	return nil
}

func (s *Setup) addRole(has *setupRole) error {
	role := quote.PostgresIdent(s.source.User)
	attributes, later := " LOGIN REPLICATION", ""
	switch s.flavor {
	case capture.RDS, capture.Aurora:
		attributes, later = " LOGIN", "GRANT rds_replication TO "+role
	case capture.CloudSQL:
		attributes, later = " LOGIN", "ALTER USER "+role+" WITH REPLICATION"
	}
	step := setupStep{Step: capture.Step{Why: "The role of source.url.", SQL: "CREATE ROLE " + role + attributes, Done: has != nil}}
	if has == nil && s.source.Password != "" {
		secret, err := forServer(s.source.Password)
		if err != nil {
			return err
		}
		step.Why = "The role of source.url. Write its password in single quotes in place of " + capture.Placeholder + ": as it stands, the statement is refused."
		step.SQL += " PASSWORD " + capture.Placeholder
		step.secret = secret
	}
	s.steps = append(s.steps, step)
	switch {
	case has == nil && later != "":
		s.add("It may replicate.", later, false)
	case has == nil:
	case !has.Replication && later != "":
		s.add("It may replicate.", later, false)
	case !has.Replication:
		s.add("It may replicate.", "ALTER ROLE "+role+" REPLICATION", false)
	}
	if has != nil && !has.Login {
		s.add("It may log in.", "ALTER ROLE "+role+" LOGIN", false)
	}
	return nil
}

func (s *Setup) addPublications(f setupFound) {
	whys := []string{
		"The publication: which tables are in the log that it reads.",
		"That of tables without a replica identity, of which only inserts may be published. It stands ready although it is empty: made later, it could not decode what was written before.",
	}
	for i, p := range f.pubs {
		why := whys[i]
		if !p.exists {
			s.add(why, p.statement(p.tables, false), false)
			continue
		}
		// What it publishes is not changed: others may have it too, and UPDATE and
		// DELETE fail at once on tables of it without a replica identity.
		switch what, _ := p.misfit(); {
		case what != "":
		case len(p.missing) > 0:
			s.add(why, p.statement(p.missing, true), false)
		default:
			s.add(why, p.statement(p.tables, false), true)
		}
	}
}

// notes are what the statements don't say.
func (s *Setup) notes(slot bool) []string {
	var notes []string
	if !slot {
		notes = append(notes, fmt.Sprintf("Tailrace makes the slot %s at its first start: who asked may not replicate.", s.cfg.Slot))
	}
	if s.flavor == capture.Plain {
		notes = append(notes, fmt.Sprintf("pg_hba.conf must let the role in from where Tailrace runs: host %s %s ADDRESS/32 scram-sha-256, then SELECT pg_reload_conf().",
			quote.PostgresIdent(s.source.Database), quote.PostgresIdent(s.source.User)))
	}
	return append(notes,
		"With source.postgres.create: false, Tailrace makes nothing on the server by itself.",
		fmt.Sprintf("A table that is made later, by its owner: ALTER PUBLICATION %s ADD TABLE …;", quote.PostgresIdent(s.cfg.Publication)))
}

func (s *Setup) where(version string) string {
	return "PostgreSQL " + version + " on " + net.JoinHostPort(s.as.Host, strconv.Itoa(int(s.as.Port))) + ", database " + s.as.Database
}
