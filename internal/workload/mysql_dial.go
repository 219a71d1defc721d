package workload

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// DialMySQL connects to the MySQL or MariaDB behind a URL. The context bounds
// the connecting only. Several statements may be sent at once.
func DialMySQL(ctx context.Context, text string) (*client.Conn, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	password, _ := u.User.Password()
	var d net.Dialer
	conn, err := client.ConnectWithDialer(ctx, "tcp", u.Host, u.User.Username(), password, strings.TrimPrefix(u.Path, "/"), d.DialContext,
		func(c *client.Conn) error { return c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS) })
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}
