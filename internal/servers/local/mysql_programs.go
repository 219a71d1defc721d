package local

import "github.com/tailrace/tailrace/internal/mysqld"

// debianMariaDB is the server of the Debian package mariadb-server-core.
const debianMariaDB = "/usr/sbin/mariadbd"

// programs are those of a product, unpacked in the folder root.
type programs struct {
	product Product
	root    string
}

// all returns how the product's programs are run.
func (p programs) all() mysqld.Programs {
	switch p.product {
	case MySQL97:
		return mysqld.UnpackedMySQL(p.root)
	case MariaDB114:
		return mysqld.UnpackedMariaDB(p.root)
	}
	return mysqld.Installed(debianMariaDB, true)
}
