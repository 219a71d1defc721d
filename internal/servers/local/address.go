package local

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
)

// An Address says where a running server is and which binaries it runs from.
// It is plain data: the owner of a test run sends it to the tests as JSON.
type Address struct {
	Version int    `json:"version"` // 13, 15 or 18
	Host    string `json:"host"`    // always an IP address of the loopback interface
	Port    int    `json:"port"`
	DataDir string `json:"data_dir"`
	BinDir  string `json:"bin_dir"`
}

// URL returns how the superuser connects to the named database, without a
// password.
func (a Address) URL(database string) string {
	return a.URLAs("postgres", "", database)
}

// URLAs returns how the given user connects to the named database.
func (a Address) URLAs(user, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(user),
		Host:     net.JoinHostPort(a.Host, strconv.Itoa(a.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Bin returns the path of one of the server's programs. Version 15 has the client
// programs too, the others only initdb, pg_ctl and postgres.
func (a Address) Bin(name string) string {
	return filepath.Join(a.BinDir, name)
}
