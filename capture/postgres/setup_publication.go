package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/internal/quote"
)

// misfit says why a publication that is there can't be the pipeline's, and what a
// person may do; "" if it can. Tailrace doesn't change it: with updates and deletes
// in it, those that applications make fail on every table of it that has no replica
// identity, and others may read it as it is.
func (p *setupPublication) misfit() (what, how string) {
	const (
		another   = "name another one in source.postgres.publication, which setup then makes; or, if "
		everyHas  = "every table of it has a replica identity (without one, UPDATE and DELETE fail from then on)"
		nobodyHas = "nobody else reads it"
	)
	alter := "run: ALTER PUBLICATION " + quote.PostgresIdent(p.name) + " SET "
	publish := "publish = '" + p.kinds + "'"
	const viaRoot = "publish_via_partition_root = true"
	switch {
	case p.leaves != "" && p.byLeaves:
		return "publication " + p.name + " leaves out every " + p.leaves + ", and has partitions in place of their roots",
			another + everyHas + " and " + nobodyHas + ", " + alter + "(" + publish + ", " + viaRoot + ")"
	case p.leaves != "" && p.kinds == allKinds:
		return "publication " + p.name + " leaves out every " + p.leaves, another + everyHas + ", " + alter + "(" + publish + ")"
	case p.leaves != "":
		return "publication " + p.name + " leaves out every " + p.leaves, another + nobodyHas + ", " + alter + "(" + publish + ")"
	case p.harms && len(p.missing) > 0:
		return "publication " + p.name + " has updates and deletes, which fail on the tables of source.insert_only once they are in it",
			another + nobodyHas + ", " + alter + "(" + publish + ")"
	case p.byLeaves:
		return "publication " + p.name + " has partitions in place of their roots", another + nobodyHas + ", " + alter + "(" + viaRoot + ")"
	}
	return "", ""
}

// quotedNames returns what names tables in a statement.
func quotedNames(tables []tableInfo) []string {
	var all []string
	for _, t := range tables {
		all = append(all, t.quoted())
	}
	return all
}

// removePublications adds the steps that drop the pipeline's publications, and
// returns what is to be said of them. One that only its name in the configuration
// makes ours stays: it may be somebody's who shared it.
func (s *Setup) removePublications(ctx context.Context, slot bool) (notes []string, err error) {
	there, err := queryTexts(ctx, s.conn, "SELECT pubname::text FROM pg_publication WHERE pubname = ANY ($1) ORDER BY 1",
		[]string{s.cfg.Publication, s.cfg.Publication + inserts})
	if err != nil || len(there) == 0 {
		return nil, err
	}
	names := "publication " + strings.Join(there, " and publication ")
	if !slot && s.cfg.Publication != ownName(s.cfg.Name) {
		var drops []string
		for _, name := range there {
			drops = append(drops, dropPublication(name))
		}
		return []string{names + " stays: the pipeline has no slot here, and the name is not the one that it gives by itself, so that somebody else may read it; if nobody does, run: " + strings.Join(drops, "; ")}, nil
	}
	for _, name := range there {
		s.add("", dropPublication(name), false)
	}
	others, err := queryTexts(ctx, s.conn, `
SELECT slot_name::text FROM pg_replication_slots
WHERE database = current_database() AND slot_type = 'logical' AND slot_name <> $1 ORDER BY 1`, s.cfg.Slot)
	if len(others) > 0 {
		notes = append(notes, "other slots of the database may read "+names+", and their streams end without it: "+strings.Join(others, ", "))
	}
	return notes, err
}

func dropPublication(name string) string {
	return "DROP PUBLICATION IF EXISTS " + quote.PostgresIdent(name)
}

// ownName is the name of a pipeline's publication and slot where none is set.
func ownName(pipeline string) string {
	if pipeline == "tailrace" {
		return pipeline
	}
	return "tailrace_" + pipeline
}

func queryTexts(ctx context.Context, c *pgx.Conn, sql string, args ...any) ([]string, error) {
	rows, err := c.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
