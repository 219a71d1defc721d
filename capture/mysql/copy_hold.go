package mysql

import (
	"context"
	"fmt"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
)

// holdColumns takes the table's metadata lock, which the transaction keeps: until
// its end no column changes. All columns are named, so that who may not read some is
// told: the catalog does not show these.
func (s *copySession) holdColumns(ctx context.Context) error {
	return s.use(ctx, "open a table", func() error { return s.openTable(s.conn) })
}

func (s *copySession) openTable(conn *client.Conn) error {
	name := quote.MySQLQualified(s.name.database, s.name.name)
	_, err := query(conn, "SELECT * FROM "+name+" LIMIT 0")
	if my := serverError(err); my != nil && (isDenied(err) || my.Code == errColumnAccess) {
		return failure.StopFrom(saidError{my}, "GRANT SELECT ON "+name+" TO the user; or tailrace setup --apply; or exclude the table",
			"the user may not read all columns of table %s, and a copy would lack them", s.name)
	}
	return err
}

// errColumnAccess says that a privilege on a column is missing
// (ER_COLUMNACCESS_DENIED_ERROR).
const errColumnAccess = 1143

// holdName takes the table's metadata lock on another connection, for a view that
// is opened behind it. Else another table could take the name in between: rows that
// it had before the view's end would be read as they were at the view's begin.
func (s *copySession) holdName(ctx context.Context) error {
	if err := s.connectLock(ctx); err != nil {
		return err
	}
	s.frees = "COMMIT"
	err := within(ctx, s.lock, func() error {
		if err := execute(s.lock, "START TRANSACTION READ ONLY"); err != nil {
			return err
		}
		return s.openTable(s.lock)
	})
	if err != nil {
		return s.notHeld("open a table", err)
	}
	return s.confirm(ctx, true)
}

func (s *copySession) connectLock(ctx context.Context) (err error) {
	if s.lock == nil {
		s.lock, err = s.c.connect(ctx)
	}
	return err
}

// notHeld gives an error of the other connection its class.
func (s *copySession) notHeld(doing string, err error) error {
	if my := serverError(err); my == nil || isEnd(my) {
		_ = s.lock.Close()
		s.lock, s.frees = nil, ""
	}
	return s.sort(doing, err)
}

// confirm asks again for what find has said, now that the table's lock is held:
// another one may have taken its name.
func (s *copySession) confirm(ctx context.Context, views bool) error {
	return s.c.src.ask(ctx, "ask for a table", func(conn *client.Conn) error {
		found, now, err := queryEngine(conn, s.name)
		if err == nil && (!found || now != views) {
			err = fmt.Errorf("%w: %s was altered meanwhile", capture.ErrAgain, s.name)
		}
		return err
	})
}
