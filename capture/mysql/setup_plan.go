package mysql

import (
	"strings"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/quote"
)

// blindPlan is what a new server needs, as far as that can be said without one.
func (s *Setup) blindPlan() (capture.Plan, error) {
	grants, err := s.literalGrants()
	if err != nil {
		return capture.Plan{}, err
	}
	s.addUser(setupFound{grants: grants, locks: s.locks(grants)}, true)
	notes := s.notes()
	for _, g := range grants {
		if g.table == "" && g.on(false) != g.on(true) {
			notes = append(notes, `Where the server has partial_revokes=ON, write the databases without the backslashes: they mean "no wildcard" elsewhere.`)
			break
		}
	}
	return s.done(capture.Plan{Flavor: s.flavor, Settings: s.blindSettings(), Notes: notes}), nil
}

// plan is what the server needs that was looked at.
func (s *Setup) plan(f setupFound) (capture.Plan, error) {
	settings := s.settings(f) // also steps
	notes := s.notes()
	if n := len(s.steps); n > 0 {
		notes = append(notes, "Sessions that are open keep the old settings of the binlog: let the applications connect again.")
		if s.source.mariadb {
			notes = append(notes, "SET GLOBAL lasts until the server is started again: write these settings into its configuration too.")
		}
	}
	if len(f.hosts) == 0 && s.source.password == "" {
		settings = append(settings, capture.Setting{
			What: "the source URL has no password, and a user without one lets everybody in",
			How:  "give the URL a password, or make the user yourself as it logs in", Blocks: true,
		})
	}
	s.addUser(f, s.source.password != "")
	p := capture.Plan{
		Server: s.product() + " " + f.server.Version + " on " + s.side.target.address, As: f.as, Flavor: s.flavor,
		Settings: settings, Notes: notes,
	}
	return s.done(p), nil
}

// addUser adds the user and its privileges. GRANT says nothing of what is granted
// already, and does no harm then.
func (s *Setup) addUser(f setupFound, withPassword bool) {
	known := len(f.hosts) > 0
	hosts := f.hosts
	if !known {
		hosts = []string{"%"}
	}
	replication := "REPLICATION SLAVE, REPLICATION CLIENT"
	if s.source.mariadb {
		replication = "REPLICATION SLAVE, BINLOG MONITOR"
	}
	for _, host := range hosts {
		account := quote.MySQLIdent(s.source.user) + "@" + quote.MySQLIdent(host)
		step := setupStep{Step: capture.Step{Why: "The user of source.url.", SQL: "CREATE USER IF NOT EXISTS " + account, Done: known}}
		if !known && withPassword {
			step.Why = "The user of source.url. Write its password in single quotes in place of " + capture.Placeholder + ": as it stands, the statement is refused. " +
				"In place of % may stand from where Tailrace comes."
			step.SQL += " IDENTIFIED BY " + capture.Placeholder
			step.secret = s.source.password
		}
		s.steps = append(s.steps, step)
		s.add("What it may: read the log as a replica does, and see which tables there are. It writes nothing.",
			"GRANT "+replication+" ON *.* TO "+account, false)
		for _, g := range f.grants {
			s.add("", "GRANT SELECT ON "+g.on(strings.EqualFold(f.variables["partial_revokes"], "ON"))+" TO "+account, false)
		}
		why := "To copy a table that has no key, or any while gtid_mode is not ON, it locks the table for a moment."
		if s.source.mariadb {
			why = "To copy a table whose engine has no transactions, it locks the table."
		}
		for _, g := range f.locks {
			s.add(why, "GRANT LOCK TABLES ON "+g.on(strings.EqualFold(f.variables["partial_revokes"], "ON"))+" TO "+account, false)
			why = ""
		}
	}
}

// locks are the databases in which tables are locked to be copied, as far as that can
// be said without a server: of a MariaDB nothing can.
func (s *Setup) locks(grants []setupGrant) (all []setupGrant) {
	if !s.copies || s.source.mariadb {
		return nil
	}
	for _, g := range grants {
		all = append(all, setupGrant{g.database, ""})
	}
	return tidy(all)
}

// notes are what the statements don't say.
func (s *Setup) notes() []string {
	var notes []string
	switch s.flavor {
	case capture.RDS, capture.Aurora:
		notes = append(notes, "Binlogs go after minutes unless told otherwise: CALL mysql.rds_set_configuration('binlog retention hours', 72); "+
			"CALL mysql.rds_show_configuration shows what holds now.")
		if s.flavor == capture.Aurora {
			notes = append(notes, "Aurora writes its binlog on the writer: source.url names the cluster's endpoint, not the reader's.")
		}
	}
	return append(notes, "A table that is made later in a database that was granted is seen at once; one that was granted by name, or another database, takes a GRANT SELECT of its own.")
}
