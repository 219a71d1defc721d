package main_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A mysqlSite is a site in a database of MySQL or MariaDB, with one table,
// orders. Its user has what README.md grants.
type mysqlSite struct {
	*site
	db *servers.MySQLDatabase
}

func newMySQLSite(t *testing.T, db *servers.MySQLDatabase) *mysqlSite {
	t.Helper()
	s := &mysqlSite{&site{
		user: db.User(t, password, readmeGrants(t)...), name: db.Name, folder: t.TempDir(),
		config: "mysql.yaml", topic: db.Name + "." + db.Name + ".orders",
	}, db}
	db.Exec(t, "CREATE TABLE orders (id int PRIMARY KEY, note mediumtext)", "INSERT INTO orders VALUES (0, '"+rowValue+"')")
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "SCHEME": "mysql", "DB_USER": s.user, "DB_PASSWORD": password,
		"DB_PORT": fmt.Sprint(db.Port), "DB_NAME": db.Name, "DB_PARAMETERS": "connect_timeout=10", "SERVER_ID": "0", "POSITIONS": "auto",
	}
	if db.Product.MariaDB() {
		s.env["SCHEME"] = "mariadb"
	}
	return s
}

// readmeGrants returns the privileges that README.md says are enough, with {db}
// for its database.
func readmeGrants(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var grants []string
	for _, m := range regexp.MustCompile("(?m)^GRANT (.+ ON .+) TO 'tailrace'@'%';$").FindAllStringSubmatch(string(text), -1) {
		grants = append(grants, strings.ReplaceAll(m[1], "`shop`", "{db}"))
	}
	if len(grants) != 2 || !strings.Contains(grants[1], "{db}") {
		t.Fatalf("grants in README.md: got %q, want those on everything and those on the database shop", grants)
	}
	return grants
}

func (s *mysqlSite) source() string { return s.db.URLAs(s.user, password) }

// insert adds rows with the ids from first to last, each in a transaction of
// its own.
func (s *mysqlSite) insert(t *testing.T, first, last int) {
	t.Helper()
	var statements []string
	for id := first; id <= last; id++ {
		statements = append(statements, fmt.Sprintf("INSERT INTO orders VALUES (%d, '%s')", id, rowValue))
	}
	s.db.Exec(t, statements...)
}

// twin is a site with the same environment and a folder of its own.
func (s *mysqlSite) twin(t *testing.T) *mysqlSite {
	t.Helper()
	other := *s.site
	other.folder, other.env = t.TempDir(), maps.Clone(s.env)
	other.env["FOLDER"] = other.folder
	return &mysqlSite{&other, s.db}
}

// title is how people call a product: MySQL, or MariaDB.
func title(p local.Product) string {
	if p.MariaDB() {
		return "MariaDB"
	}
	return "MySQL"
}

// eachProduct runs a test on every product of the MySQL family, side by side.
func eachProduct(t *testing.T, test func(t *testing.T, product local.Product)) {
	t.Helper()
	for _, product := range servers.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			test(t, product)
		})
	}
}
