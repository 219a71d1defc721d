package mysql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	connectTimeout = 10 * time.Second
	urlHint        = "write it as mysql://user:password@host:3306/database or mariadb://…, where a password's characters other than letters, digits and - . _ ~ are percent-encoded"
)

// A target is what the source URL says: where the server is and how to get in.
type target struct {
	mariadb  bool   // what the scheme says the server is
	network  string // tcp or unix
	address  string
	host     string // that the certificate must name; "" for a socket
	user     string
	password string
	database string // "" if the URL has none
	tls      tlsChoice
	timeout  time.Duration // of connecting

	// met says who the server is, as the first connection since Locate began found
	// it; nil before.
	met atomic.Pointer[string]
	// own names a lock that nobody else takes: the connections that we read the
	// log on hold it.
	own string
	// read says that there was such a connection.
	read atomic.Bool
}

// parseURL reads the source URL and decides about TLS: full verification
// unless the host is this one or the URL says otherwise, and never a silent
// fall-back to plain text. The error is of the class Usage.
func parseURL(text string) (*target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, failure.Usage(urlHint, "the source URL can't be read") // err would show the password
	}
	if u.Scheme != MySQL && u.Scheme != MariaDB {
		return nil, failure.Usage(urlHint, "the source URL is not one of MySQL or MariaDB")
	}
	t := &target{
		mariadb: u.Scheme == MariaDB,
		network: "tcp",
		host:    cmp.Or(u.Hostname(), "localhost"),
		user:    u.User.Username(),
		timeout: connectTimeout,
	}
	t.password, _ = u.User.Password()
	t.address = net.JoinHostPort(t.host, cmp.Or(u.Port(), "3306"))
	t.database = strings.TrimPrefix(u.Path, "/")
	if strings.Contains(t.database, "/") {
		return nil, failure.Usage(urlHint, "the source URL names a database with a / in it")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, failure.Usage(urlHint, "the source URL can't be read behind its ?")
	}
	for name, values := range query {
		if err := t.set(name, values[len(values)-1]); err != nil {
			return nil, err
		}
	}
	if err := t.tls.settle(t.local()); err != nil {
		return nil, err
	}
	_, err = t.tls.config(t.host)
	return t, err
}

// set takes one parameter of the URL.
func (t *target) set(name, value string) error {
	switch name {
	case "socket":
		t.network, t.address, t.host = "unix", value, ""
	case "connect_timeout":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 3600 {
			return failure.Usage("give seconds, such as connect_timeout=10", "connect_timeout in the source URL is not a number from 1 to 3600")
		}
		t.timeout = time.Duration(n) * time.Second
	case "tls":
		t.tls.mode = value
	case "tls_ca":
		t.tls.ca = value
	case "tls_cert":
		t.tls.cert = value
	case "tls_key":
		t.tls.key = value
	default:
		return failure.Usage("there are tls, tls_ca, tls_cert, tls_key, socket and connect_timeout", "the source URL has a parameter %q that is not known", name)
	}
	return nil
}

// local reports whether the way to the server stays on this host.
func (t *target) local() bool {
	ip := net.ParseIP(t.host)
	return t.network == "unix" || t.host == "localhost" || ip != nil && ip.IsLoopback()
}

// connect makes a connection, logs in and settles the session. program is what
// the server's list of sessions shows. The error is classified.
func (t *target) connect(ctx context.Context, program string) (*client.Conn, error) {
	c, err := t.login(ctx, program)
	if err != nil {
		return nil, classify("connect", err)
	}
	if err := t.settle(ctx, c); err != nil {
		_ = c.Close()
		return nil, classify("connect", err)
	}
	return c, nil
}

func (t *target) login(ctx context.Context, program string) (*client.Conn, error) {
	config, err := t.tls.config(t.host)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	d := &door{local: t.local(), encrypted: config != nil}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		var dialer net.Dialer
		if d.Conn, err = dialer.DialContext(ctx, network, address); err != nil {
			return nil, err
		}
		context.AfterFunc(limited, func() {
			if !d.open.Load() {
				_ = d.Conn.Close()
			}
		})
		return d, nil
	}
	var c *client.Conn
	err = guard(func() (err error) {
		c, err = client.ConnectWithDialer(limited, t.network, t.address, t.user, t.password, t.database, dial, func(c *client.Conn) error {
			c.SetAttributes(map[string]string{"program_name": program})
			if config != nil {
				c.SetTLSConfig(config)
			}
			return nil
		})
		return err
	})
	if err == nil && limited.Err() != nil {
		err = limited.Err()
		_ = c.Close()
	}
	if err == nil {
		d.open.Store(true)
		return c, nil
	}
	if d.Conn != nil {
		_ = d.Conn.Close() // the library leaves it open after some errors
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("nothing that answers as MySQL does was met at %s within %s", t.address, t.timeout)
	case serverError(err) == nil && certificateError(err) == nil && d.err != nil:
		return nil, d.err // what the library makes of it hides it
	}
	return nil, err
}

// settle checks that the server is what the URL says and makes the session
// independent of the server's settings.
func (t *target) settle(ctx context.Context, c *client.Conn) error {
	if met := isMariaDB(c.GetServerVersion()); met != t.mariadb {
		if met {
			return failure.Stop("write the source URL as mariadb://…", "the server is a MariaDB, and the source URL begins with mysql://")
		}
		return failure.Stop("write the source URL as mysql://…", "the server is a MySQL, and the source URL begins with mariadb://")
	}
	return within(ctx, c, func() error {
		if err := execute(c, "SET NAMES utf8mb4", "SET SESSION sql_mode = '', SESSION lock_wait_timeout = 10"); err != nil {
			return err
		}
		return t.meet(c)
	})
}

// errElsewhere ends what was begun with another server: a name or a proxy leads
// to a new one, and what one server said of its log is nothing for another one.
var errElsewhere = failure.Retry(errors.New("the address leads to another server than before"))

// meet asks who the server is. Two MariaDBs of one cluster may share a server_id,
// and a copy of a MySQL its UUID.
func (t *target) meet(c *client.Conn) error {
	const host = "@@server_id, @@port, @@hostname"
	sql := "SELECT @@server_uuid, " + host
	if t.mariadb {
		sql = "SELECT " + host
	}
	rows, err := query(c, sql)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errForeign
	}
	who := strings.Join(rows[0], " ")
	switch met := t.met.Load(); {
	case met == nil:
		t.met.Store(&who)
	case *met != who:
		return errElsewhere
	}
	return nil
}

func isMariaDB(version string) bool { return strings.Contains(strings.ToLower(version), "mariadb") }

// within calls f, which uses c, and ends what c waits for with ctx or after
// answerTimeout. c is of no use any more after an error that is not the server's.
func within(ctx context.Context, c *client.Conn, f func() error) error {
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err := guard(f)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil && ctx.Err() != nil && serverError(err) == nil {
		return ctx.Err()
	}
	if err == nil {
		return c.SetDeadline(time.Time{})
	}
	return err
}

// execute runs statements that answer no rows.
func execute(c *client.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := c.Execute(sql); err != nil {
			return err
		}
	}
	return nil
}

// errForeign is what becomes of an answer that the library can't read.
var errForeign = errors.New("the server's answer is not of the protocol")

// guard calls f, which reads answers through the library. It indexes by what
// the server says, so that an answer cut short is a panic.
func guard(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errForeign
		}
	}()
	return f()
}
