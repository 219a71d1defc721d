package local

import (
	"net"
	"net/url"
	"strconv"
)

// A MySQLAddress says where a running server of the MySQL family is and which
// programs it runs from. It is plain data: the owner of a test run sends it to
// the tests as JSON.
type MySQLAddress struct {
	Product  Product `json:"product"`
	Version  string  `json:"version"` // as the server says it: "10.11.19-MariaDB-…"
	Host     string  `json:"host"`    // always an IP address of the loopback interface
	Port     int     `json:"port"`
	DataDir  string  `json:"data_dir"` // with the binlogs, if log-bin was left as it is
	Programs string  `json:"programs"` // the folder of the unpacked programs
}

// HostPort returns the address as net.Dial takes it.
func (a MySQLAddress) HostPort() string {
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// URL returns how root, who needs no password, connects to the named database.
func (a MySQLAddress) URL(database string) string {
	return a.URLAs("root", "", database)
}

// URLAs returns how the given user connects to the named database. The scheme is
// mysql or mariadb.
func (a MySQLAddress) URLAs(user, password, database string) string {
	u := url.URL{Scheme: "mysql", User: url.User(user), Host: a.HostPort(), Path: "/" + database}
	if a.Product.MariaDB() {
		u.Scheme = "mariadb"
	}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Bin returns how one of the product's programs is run, to which arguments are
// added: mysql and mysqlbinlog of MySQL, mariadb and mariadb-binlog of MariaDB.
// What came without mariadb-binlog uses that of Debian's MariaDB.
func (a MySQLAddress) Bin(name string) []string {
	return programs{a.Product, a.Programs}.all().Command(name)
}
