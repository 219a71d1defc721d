package local

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// Connect connects root to the named database, or to none if it is "". The
// context bounds the connecting, not the connection.
func (a MySQLAddress) Connect(ctx context.Context, database string) (*client.Conn, error) {
	stop := func() bool { return true }
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			// The library would wait for a frozen server's greeting for ever.
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", a.HostPort(), "root", "", database, dial)
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// Exec runs statements in order on a connection of their own.
func (a MySQLAddress) Exec(ctx context.Context, database string, statements ...string) error {
	return a.with(ctx, database, func(conn *client.Conn) error {
		for _, sql := range statements {
			result, err := conn.Execute(sql)
			if err != nil {
				return err
			}
			result.Close()
		}
		return nil
	})
}

// Query returns the answer to a query exactly as the server writes values as
// text; NULL becomes "NULL".
func (a MySQLAddress) Query(ctx context.Context, database, sql string) ([][]string, error) {
	var answer [][]string
	err := a.with(ctx, database, func(conn *client.Conn) error {
		var err error
		answer, err = rows(conn, sql)
		return err
	})
	return answer, err
}

// with runs f on a connection of its own, which the context bounds.
func (a MySQLAddress) with(ctx context.Context, database string, f func(*client.Conn) error) error {
	conn, err := a.Connect(ctx, database)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = f(conn)
	if !stop() {
		return errors.Join(ctx.Err(), err)
	}
	return errors.Join(err, conn.Quit())
}

// rows reads the text of the values, which the library would make into numbers
// (MySQL's protocol documentation, "Text Resultset Row": a string with its
// length before it, or 0xfb for NULL).
func rows(conn *client.Conn, sql string) ([][]string, error) {
	result, err := conn.Execute(sql)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var answer [][]string
	if !result.HasResultset() {
		return nil, nil
	}
	for _, data := range result.RowDatas {
		row := make([]string, 0, len(result.Fields))
		for range result.Fields {
			value, null, n, err := mysql.LengthEncodedString(data)
			if err != nil {
				return nil, fmt.Errorf("read a row: %w", err)
			}
			data = data[n:]
			if null {
				row = append(row, "NULL")
				continue
			}
			row = append(row, string(value))
		}
		answer = append(answer, row)
	}
	return answer, nil
}

// noSuchThread is ER_NO_SUCH_THREAD: the connection to be killed is gone.
const noSuchThread = 1094

// mysqlError reports whether the server answered with an error of this number.
func mysqlError(err error, code uint16) bool {
	var answer *mysql.MyError
	return errors.As(err, &answer) && answer.Code == code
}
