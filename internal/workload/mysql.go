package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// mysqlSession is a session on MySQL or MariaDB. The library knows no context:
// one that ends cuts the connection.
type mysqlSession struct {
	url    string
	conn   *client.Conn
	forget func() bool // the context
	sql    []string    // queued
	img    image       // that the session is set to
	global string      // XA transaction at hand, "" for none
	noDup  bool        // the server knows FULL_NODUP: MariaDB since 11.4
}

func openMySQL(ctx context.Context, url string) (session, error) {
	s := &mysqlSession{url: url}
	return s, s.connect(ctx)
}

// connect sets another time zone than UTC, and an isolation without gap locks:
// writers do not meet, as they share no row.
func (s *mysqlSession) connect(ctx context.Context) error {
	conn, err := DialMySQL(ctx, s.url)
	if err != nil {
		return err
	}
	s.conn, s.img = conn, full
	socket := conn.Conn.Conn // whose Close may meet another goroutine's use of it
	s.forget = context.AfterFunc(ctx, func() { _ = socket.Close() })
	s.noDup = s.exec("SET SESSION binlog_row_image = FULL_NODUP") == nil
	return s.exec("SET NAMES utf8mb4; SET time_zone = '+01:30'; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; " +
		"SET SESSION binlog_row_image = FULL")
}

func (s *mysqlSession) ready(ctx context.Context) error {
	if s.conn.Ping() == nil {
		return nil
	}
	s.close()
	return s.connect(ctx)
}

func (s *mysqlSession) begin(ctx context.Context, img image) (string, error) {
	return "", s.start(ctx, img, "BEGIN")
}

func (s *mysqlSession) beginGlobal(ctx context.Context, img image, name string) error {
	s.global = name
	return s.start(ctx, img, "XA START "+name)
}

func (s *mysqlSession) start(ctx context.Context, img image, sql string) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if img == fullNoDup && !s.noDup {
		img = full
	}
	if img != s.img {
		sql = "SET SESSION binlog_row_image = " + img.name() + "; " + sql
		s.img = img
	}
	return s.exec(sql)
}

func (s *mysqlSession) prepare(context.Context) error {
	return s.exec("XA END " + s.global + "; XA PREPARE " + s.global)
}

func (s *mysqlSession) commit(ctx context.Context) error {
	return s.decide(ctx, "COMMIT")
}

func (s *mysqlSession) rollback(ctx context.Context) error {
	return s.decide(ctx, "ROLLBACK")
}

// decide ends the transaction. One that is prepared outlives its server.
func (s *mysqlSession) decide(ctx context.Context, verb string) error {
	if s.global == "" {
		return s.exec(verb)
	}
	sql := "XA " + verb + " " + s.global
	s.global = ""
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.exec(sql)
}

// exec runs statements, and stops at the first that fails.
func (s *mysqlSession) exec(sql string) error {
	var first error
	_, err := s.conn.ExecuteMultiple(sql, func(_ *mysql.Result, err error) {
		if first == nil {
			first = err
		}
	})
	if err = errors.Join(first, err); err != nil {
		verb, _, _ := strings.Cut(sql, " ")
		return fmt.Errorf("%s: %w", strings.ToLower(verb), err)
	}
	return nil
}

// value returns a literal. Numbers and the like are one as they are.
func (s *mysqlSession) value(v value, args []any) (string, []any) {
	switch {
	case v.null:
		return "NULL", args
	case v.literal:
		return v.text, args
	}
	return "'" + literalEscapes.Replace(v.text) + "'", args
}

var literalEscapes = strings.NewReplacer(`\`, `\\`, `'`, `''`)

func (s *mysqlSession) queue(sql string, _ []any) { s.sql = append(s.sql, sql) }

func (s *mysqlSession) queued() int { return len(s.sql) }

func (s *mysqlSession) flush(context.Context) error {
	if len(s.sql) == 0 {
		return nil
	}
	sql := strings.Join(s.sql, ";")
	s.sql = s.sql[:0]
	return s.exec(sql)
}

// load inserts the rows by one statement.
func (s *mysqlSession) load(_ context.Context, t *table, rows [][]value) error {
	sql, _ := insertion(s, t, rows)
	s.queue(sql, nil)
	return nil
}

func (s *mysqlSession) close() {
	s.forget()
	_ = s.conn.Close() // its transactions have ended
}
