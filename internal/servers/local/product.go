package local

// A Product is a database of the MySQL family that StartMySQL knows.
type Product string

// What Tailrace promises to read: the newest MySQL, and the MariaDB of Debian
// and of the newest long-term series.
const (
	MySQL97     Product = "mysql-9.7"
	MariaDB1011 Product = "mariadb-10.11"
	MariaDB114  Product = "mariadb-11.4"
)

// MySQLProducts returns all products.
func MySQLProducts() []Product {
	return []Product{MySQL97, MariaDB1011, MariaDB114}
}

// MariaDB reports whether the product is a MariaDB, which has another dialect,
// other GTIDs and other names for its programs.
func (p Product) MariaDB() bool {
	return p != MySQL97
}
