package mysql

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// answerTimeout is how long one use of a connection for questions may take.
const answerTimeout = 20 * time.Second

// side is the ordinary connection beside the stream. It is made when it is
// first needed and again when it was lost. Any goroutine may use it.
type side struct {
	target  *target
	program string

	mu   sync.Mutex
	conn *client.Conn
}

// use calls f with a connection, for at most answerTimeout. A connection that
// turns out to be broken is met once more with a new one, since it may have been
// idle for days: f may be called twice. The error of connecting is classified,
// that of f is as it was.
func (s *side) use(ctx context.Context, f func(*client.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	reused := s.conn != nil
	for {
		if s.conn == nil {
			conn, err := s.target.connect(ctx, s.program)
			if err != nil {
				return err
			}
			s.conn = conn
		}
		err := within(ctx, s.conn, func() error { return f(s.conn) })
		if err == nil || serverError(err) != nil && !isEnd(serverError(err)) {
			return err
		}
		// It may hold half an answer.
		_ = s.conn.Close()
		s.conn = nil
		if !reused || !isBroken(err) || ctx.Err() != nil {
			return err
		}
		reused = false
	}
}

// isEnd reports whether the server closes the connection behind an error.
func isEnd(my *mysql.MyError) bool {
	switch my.Code {
	case 1053, 1927, 4031:
		return true
	}
	return false
}

func isBroken(err error) bool {
	var network net.Error
	return errors.Is(err, mysql.ErrBadConn) || errors.As(err, &network) && !network.Timeout() || serverError(err) != nil
}

// query runs a statement and returns its rows as text; NULL is "".
func (s *side) query(ctx context.Context, sql string) (rows [][]string, err error) {
	err = s.use(ctx, func(c *client.Conn) error {
		rows, err = query(c, sql)
		return err
	})
	return rows, classify("ask the server", err)
}

// query runs a statement and returns its rows as text; NULL is "".
func query(c *client.Conn, sql string) ([][]string, error) {
	r, err := c.Execute(sql)
	if err != nil {
		return nil, err
	}
	// r is not closed: the strings lie in it.
	if r.Resultset == nil {
		return nil, nil
	}
	rows := make([][]string, r.RowNumber())
	for i := range rows {
		rows[i] = make([]string, r.ColumnNumber())
		for k := range rows[i] {
			text, err := r.GetString(i, k)
			if err != nil {
				return nil, err
			}
			rows[i][k] = strings.Clone(text) // its bytes are used again for the next answer
		}
	}
	return rows, nil
}

func (s *side) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}
