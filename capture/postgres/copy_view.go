package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A view is what a pg_snapshot shows: transactions with ids below xmin, and those
// below xmax that are not in progress.
type view struct {
	xmin, xmax uint64
	running    []uint64 // rising
}

// parseView reads the text of a pg_snapshot: 10:20:10,14,15.
func parseView(text string) (view, error) {
	var v view
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return view{}, errView(text)
	}
	var err1, err2 error
	v.xmin, err1 = strconv.ParseUint(parts[0], 10, 64)
	v.xmax, err2 = strconv.ParseUint(parts[1], 10, 64)
	if err1 != nil || err2 != nil || v.xmin > v.xmax {
		return view{}, errView(text)
	}
	for one := range strings.SplitSeq(parts[2], ",") {
		if one == "" && parts[2] == "" {
			break
		}
		id, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			return view{}, errView(text)
		}
		v.running = append(v.running, id)
	}
	slices.Sort(v.running)
	return v, nil
}

func errView(text string) error {
	return failure.Stop("restore the checkpoint from a copy", "the view %q is not one of Postgres", text)
}

// widen returns the id of which the log and the catalog give the lower half: that
// which is nearest to the ids of the view.
func (v view) widen(xid uint64) uint64 {
	return v.xmax + uint64(int64(int32(uint32(xid)-uint32(v.xmax))))
}

// shows reports whether a transaction is visible.
func (v view) shows(xid uint64) bool {
	id := v.widen(xid)
	if id < v.xmin {
		return true
	}
	_, running := slices.BinarySearch(v.running, id)
	return id < v.xmax && !running
}

// Shows implements capture.Copier.
func (*Copier) Shows(text string) (func(*event.Txn) bool, error) {
	v, err := parseView(text)
	if err != nil {
		return nil, err
	}
	return func(t *event.Txn) bool { return v.shows(t.XID) }, nil
}

// Mark implements capture.Copier: a transaction id above those of all transactions
// that have written something (C5.4). The xmax of a snapshot is not enough: it is
// above those that have ended, and one that has written and runs may be beyond it.
// Whoever has an id holds a lock on it.
//
// A standby has no such locks, and shows a commit as soon as it has it in its log:
// there it is the xmax.
func (c *Copier) Mark(ctx context.Context) (mark string, err error) {
	err = c.src.ask(ctx, "ask which transactions have begun", func(ctx context.Context, conn *pgx.Conn) error {
		var next uint64
		var held []uint32
		err := conn.QueryRow(ctx, `
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8,
       ARRAY (SELECT transactionid FROM pg_locks WHERE locktype = 'transactionid' AND transactionid IS NOT NULL)`).Scan(&next, &held)
		xmax := view{xmax: next}
		for _, id := range held {
			next = max(next, xmax.widen(uint64(id))+1)
		}
		mark = strconv.FormatUint(next, 10)
		return err
	})
	return mark, err
}

// Settled implements capture.Copier. A standby does not know which of the
// primary's transactions are running, but from which one on some may be.
func (c *Copier) Settled(ctx context.Context, mark string) (waitsFor string, err error) {
	below, err := strconv.ParseUint(mark, 10, 64)
	if err != nil {
		return "", failure.Stop("restore the checkpoint from a copy", "the mark %q is not one of Postgres", mark)
	}
	err = c.src.ask(ctx, "ask which transactions have ended", func(ctx context.Context, conn *pgx.Conn) error {
		var text string
		var standby bool
		if err := conn.QueryRow(ctx, `SELECT pg_current_snapshot()::text, pg_is_in_recovery()`).Scan(&text, &standby); err != nil {
			return err
		}
		v, err := parseView(text)
		if err != nil {
			return err
		}
		waitsFor = ""
		switch {
		case v.xmin >= below:
		case standby:
			waitsFor = fmt.Sprintf("transaction %d of the primary", v.xmin)
		case len(v.running) > 0 && v.running[0] < below:
			waitsFor, err = whoseTransaction(ctx, conn, v.running[0])
		case v.xmax < below: // it has begun, and none from xmax on has ended
			waitsFor, err = whoseTransaction(ctx, conn, below-1)
		}
		return err
	})
	return waitsFor, err
}

// whoseTransaction says in words who has begun a transaction and when, as far as
// the role may know.
func whoseTransaction(ctx context.Context, c *pgx.Conn, id uint64) (words string, err error) {
	err = c.QueryRow(ctx, `
SELECT 'transaction ' || $1::text || coalesce(
  (SELECT ' of pid ' || pid || coalesce(' (' || nullif(application_name, '') || ')', '')
          || coalesce(', open since ' || to_char(xact_start, $3), '')
   FROM pg_stat_activity WHERE backend_xid::text = $2 ORDER BY pid LIMIT 1),
  (SELECT ', prepared as ' || quote_literal(gid) || ' at ' || to_char(prepared, $3)
   FROM pg_prepared_xacts WHERE transaction::text = $2), '')`,
		strconv.FormatUint(id, 10), strconv.FormatUint(id&math.MaxUint32, 10), `YYYY-MM-DD HH24:MI:SS "UTC"`).Scan(&words)
	return words, err
}
