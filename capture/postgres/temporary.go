package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// temporaryPrefix begins the names of slots and publications that end with the
// process. A temporary slot ends with its session by itself. A publication has
// no such form, so one that a killed process left is removed by the next. Who
// lives holds an advisory lock for its publication on the session of the
// stream, which ends when the slot does.
const temporaryPrefix = "tailrace_tail_"

// lockClass is the first half of those advisory locks' keys: "TRtl".
const lockClass = 0x5452746c

// temporaryName returns a name that no other process has.
func temporaryName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return temporaryPrefix + hex.EncodeToString(b[:])
}

// lockOf returns the SQL for the arguments of the lock of a publication, which
// is sql itself. Both publications of a source have one lock.
func lockOf(sql string) string {
	return fmt.Sprintf(`%d, pg_catalog.hashtext(pg_catalog.regexp_replace(%s, '_inserts$', ''))`, lockClass, sql)
}

// A temporaryStream can't be opened again: its slot ends with its connection.
type temporaryStream struct{ capture.Stream }

// Next implements capture.Stream.
func (s temporaryStream) Next(ctx context.Context, u *event.Unit) error {
	err := s.Stream.Next(ctx, u)
	if failure.Retryable(err) {
		return errTemporary(err)
	}
	return err
}

// errTemporary is the error for a temporary slot that is gone, cause the reason
// if it is known.
func errTemporary(cause error) error {
	return failure.StopFrom(cause, "run it again to go on from now; what changes meanwhile is not seen",
		"the connection to the server was lost, and the temporary slot with it")
}

// prepareTemporary takes the lock that says that the source lives, before
// anything is made, and removes what others left.
func (s *Source) prepareTemporary(ctx context.Context) error {
	if _, err := simple(ctx, s.repl, "SELECT pg_catalog.pg_advisory_lock("+lockOf(quote.PostgresLiteral(s.cfg.Publication))+")"); err != nil {
		return classify("take an advisory lock", err)
	}
	return s.ask(ctx, "remove what a killed process left", s.sweep)
}

// sweep drops the temporary publications whose owners are gone. One that it
// may not drop, or that another process drops at the same time, stays.
func (s *Source) sweep(ctx context.Context, c *pgx.Conn) error {
	rows, err := c.Query(ctx, `SELECT pubname::text FROM pg_catalog.pg_publication
		WHERE starts_with(pubname, $1) AND pg_has_role(pubowner, 'USAGE')`, temporaryPrefix)
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range left {
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			var dead bool
			if err := tx.QueryRow(ctx, `SELECT pg_catalog.pg_try_advisory_xact_lock(`+lockOf("$1::text")+`)`, name).Scan(&dead); err != nil || !dead {
				return err
			}
			s.cfg.Log.Info("removing the publication of a killed process", zap.String("publication", name))
			_, err := tx.Exec(ctx, "DROP PUBLICATION IF EXISTS "+quote.PostgresIdent(name))
			return err
		})
		if err == nil {
			continue
		}
		if c.IsClosed() || ctx.Err() != nil {
			return err
		}
		s.cfg.Log.Warn("the publication of a killed process stays", zap.String("publication", name), zap.Error(err))
	}
	return nil
}

// dropTemporary removes the source's publications. It is called when the
// stream has ended.
func (s *Source) dropTemporary() error {
	if s.identity.system == "" {
		return nil // it never came to making any
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var names []string
	for _, p := range s.publications() {
		names = append(names, quote.PostgresIdent(p.name))
	}
	if len(names) == 0 {
		return nil
	}
	err := s.side.use(ctx, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DROP PUBLICATION IF EXISTS "+strings.Join(names, ", "))
		return err
	})
	if err != nil {
		return failure.StopFrom(err, "run: DROP PUBLICATION "+strings.Join(names, ", ")+"; the next tail does it too",
			"the temporary publication could not be removed")
	}
	return nil
}
