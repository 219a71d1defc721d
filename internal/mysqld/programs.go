// Package mysqld knows how the programs of MySQL and MariaDB are run: installed
// ones, and those that were unpacked in some folder. The demo and the servers of
// the tests use it; no server starts here.
package mysqld

import (
	"os"
	"path/filepath"
)

// Programs are those of one MySQL or MariaDB.
type Programs struct {
	MariaDB bool

	root   string // the folder where they were unpacked, "" if they are installed
	server string // the path of the installed server
}

// Installed returns the programs of a server that was installed: the path is
// that of mysqld or mariadbd.
func Installed(server string, mariaDB bool) Programs {
	return Programs{MariaDB: mariaDB, server: server}
}

// UnpackedMySQL returns the programs of Debian's packages of MySQL that were
// unpacked in the folder root, with the libraries that they need.
func UnpackedMySQL(root string) Programs { return Programs{root: root} }

// UnpackedMariaDB returns the programs of a MariaDB whose own folders bin,
// scripts and share are in root.
func UnpackedMariaDB(root string) Programs { return Programs{MariaDB: true, root: root} }

// Server returns how the server is run, to which options are added: the program
// and the options that say where its parts are. It reads no option files.
func (p Programs) Server() []string {
	switch {
	case p.root == "":
		return []string{p.server, "--no-defaults"}
	case p.MariaDB:
		return append(p.Command("mariadbd"), "--no-defaults", "--basedir="+p.root)
	}
	share := filepath.Join(p.root, "usr/share/mysql")
	return append(p.Command("mysqld"), "--no-defaults", "--lc-messages-dir="+share,
		"--character-sets-dir="+filepath.Join(share, "charsets"),
		"--plugin-dir="+filepath.Join(p.root, "usr/lib/mysql/plugin"))
}

// Command returns how another program is run, such as mysqlbinlog or
// mariadb-binlog. One that was not unpacked is an installed one.
func (p Programs) Command(name string) []string {
	if p.root != "" && !p.MariaDB {
		// The programs want the C library that they were built with.
		lib := filepath.Join(p.root, "usr/lib/x86_64-linux-gnu")
		folder := "usr/bin"
		if name == "mysqld" {
			folder = "usr/sbin"
		}
		return []string{
			filepath.Join(lib, "ld-linux-x86-64.so.2"),
			"--library-path", lib + ":" + filepath.Join(p.root, "usr/lib/mysql/private"),
			filepath.Join(p.root, folder, name),
		}
	}
	if p.root != "" {
		for _, folder := range []string{"bin", "scripts"} {
			path := filepath.Join(p.root, folder, name)
			if _, err := os.Stat(path); err == nil {
				return []string{path}
			}
		}
	}
	if name == filepath.Base(p.server) {
		return []string{p.server} // which need not be in everybody's path
	}
	return []string{name}
}

// Initializer returns the command that makes a data folder, to which the option
// --datadir is added. In it root needs no password.
func (p Programs) Initializer() []string {
	if !p.MariaDB {
		return append(p.Server(), "--initialize-insecure")
	}
	command := append(p.Command("mariadb-install-db"), "--no-defaults")
	if p.root != "" {
		command = append(command, "--basedir="+p.root)
	}
	return append(command, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
}

// RedoOption returns the name of the option that sizes InnoDB's redo log.
func (p Programs) RedoOption() string {
	if p.MariaDB {
		return "innodb-log-file-size"
	}
	return "innodb-redo-log-capacity"
}
