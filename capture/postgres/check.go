package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// oldest is the version that queries are written for.
const oldest = 130000

// Check implements capture.Source. It asks on an ordinary connection, which works
// also where one for replication would be refused, so that all reasons are known
// at once.
func (s *Source) Check(ctx context.Context) error {
	var c checker
	err := s.ask(ctx, "check the source", func(ctx context.Context, conn *pgx.Conn) error {
		c = checker{Source: s, conn: conn} // it may be the second attempt
		return c.look(ctx)
	})
	return errors.Join(append(c.errs, err)...)
}

// A checker collects what Check finds.
type checker struct {
	*Source
	conn *pgx.Conn
	errs []error
}

func (c *checker) stop(hint, format string, args ...any) {
	c.errs = append(c.errs, failure.Stop(hint, format, args...))
}

// look asks the server. Its error is one of asking.
func (c *checker) look(ctx context.Context) (err error) {
	if c.server, err = queryServer(ctx, c.conn); err != nil {
		return err
	}
	if c.server.Number < oldest { // what is asked next is not there yet
		return failure.Stop("upgrade the server", "Postgres %s is too old: 13 is the oldest that is read", c.server.Version)
	}
	slot, err := querySlot(ctx, c.conn, c.cfg.Slot)
	if err != nil {
		return err
	}
	c.checkServer(slot)
	c.checkSlot(slot)
	tables, err := queryTables(ctx, c.conn)
	if err != nil {
		return err
	}
	sel, unmatched, err := selectTables(tables, c.cfg.Tables, c.cfg.InsertOnly)
	for _, p := range unmatched {
		c.cfg.Log.Warn("no table matches", zap.String("pattern", p))
	}
	c.sel = sel
	c.errs = append(c.errs, err)
	for _, p := range c.publications() {
		if err := c.checkPublication(ctx, &p); err != nil {
			return err
		}
	}
	return nil
}

// checkServer holds settings and role against what a stream needs.
func (c *checker) checkServer(slot *slotInfo) {
	sv := &c.server
	if sv.WALLevel != "logical" {
		c.stop("ALTER SYSTEM SET wal_level = logical, then restart the server (on RDS and Aurora: rds.logical_replication = 1)",
			"wal_level is %s, and changes are in the log only with logical", sv.WALLevel)
	}
	if !sv.Replication {
		role := quote.PostgresIdent(sv.Role)
		c.stop("run: ALTER ROLE "+role+" REPLICATION (on RDS and Aurora: GRANT rds_replication TO "+role+")", "role %s may not replicate", sv.Role)
	}
	if sv.Standby {
		c.stop("give the primary's address", "the server is a standby")
	}
	if slot == nil && sv.FreeSlots <= 0 {
		c.stop("raise it with ALTER SYSTEM SET max_replication_slots and a restart; or drop one that is not used any more: "+
			"SELECT slot_name, pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '…' AND NOT active",
			"there is no free replication slot: max_replication_slots is %d", sv.Slots)
	}
	if sv.FreeSenders <= 0 && (slot == nil || slot.ActivePID == 0) { // else it may be our predecessor's
		c.stop("raise it with ALTER SYSTEM SET max_wal_senders and a restart; SELECT * FROM pg_stat_replication says who has them",
			"there is no free WAL sender: max_wal_senders is %d", sv.Senders)
	}
}

// checkSlot says whether a slot of our name is one for us.
func (c *checker) checkSlot(slot *slotInfo) {
	if slot != nil && slot.Plugin != "pgoutput" {
		c.stop("name another slot in source.postgres.slot", "slot %s belongs to the plugin %q, not pgoutput", c.cfg.Slot, slot.Plugin)
	}
	if slot != nil && slot.Database != c.server.Database {
		c.stop("name another slot in source.postgres.slot", "slot %s belongs to the database %s, not %s", c.cfg.Slot, slot.Database, c.server.Database)
	}
}

// checkPublication names what could not be published.
func (c *checker) checkPublication(ctx context.Context, p *publication) error {
	tables, exists, err := p.missing(ctx, c.conn)
	var stop *failure.StopError
	if errors.As(err, &stop) {
		c.errs = append(c.errs, err)
	} else if err != nil {
		return err
	}
	if len(tables) == 0 {
		return nil
	}
	sql := p.statement(tables, exists)
	role := quote.PostgresIdent(c.server.Role)
	if !c.cfg.Create {
		c.stop("run: "+sql+"; or tailrace setup --apply", "publication %s does not publish %s, and source.postgres.create is false", p.name, names(tables))
		return nil
	}
	if !exists && !c.server.CanCreate {
		c.stop("run as the database's owner: "+sql+"; or GRANT CREATE ON DATABASE "+quote.PostgresIdent(c.server.Database)+" TO "+role+"; or tailrace setup --apply",
			"role %s may not create publication %s", c.server.Role, p.name)
		return nil
	}
	if exists {
		var owned bool
		if err := c.conn.QueryRow(ctx, `SELECT coalesce(bool_or(pg_has_role(pubowner, 'USAGE')), true) FROM pg_publication WHERE pubname = $1`, p.name).Scan(&owned); err != nil {
			return err
		}
		if !owned {
			c.stop("run as its owner: "+sql+"; or ALTER PUBLICATION "+quote.PostgresIdent(p.name)+" OWNER TO "+role,
				"role %s does not own publication %s, which must publish %s", c.server.Role, p.name, names(tables))
			return nil
		}
	}
	var others []string
	for _, t := range tables {
		if !t.Owned {
			others = append(others, t.String())
		}
	}
	if len(others) > 0 {
		c.stop("run as the owner: "+sql, "role %s does not own %s, which publication %s must publish", c.server.Role, strings.Join(others, ", "), p.name)
	}
	return nil
}
