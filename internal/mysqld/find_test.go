package mysqld_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/mysqld"
)

// place makes a program that says what the server says of itself.
func place(t *testing.T, path, says string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestAServerIsFoundByWhatItSaysItIs(t *testing.T) {
	const (
		mysql   = "/x/mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)"
		mariadb = "/x/mariadbd  Ver 10.11.6-MariaDB for debian-linux-gnu on x86_64 (Debian 12)"
	)
	one, two := t.TempDir(), t.TempDir()
	place(t, filepath.Join(one, "mysqld"), mariadb) // as Debian links it
	place(t, filepath.Join(two, "mysqld"), mysql)
	t.Setenv("PATH", one+":"+two)
	for _, c := range []struct {
		name    string
		mariaDB bool
		path    string
		version string
	}{
		{"a MySQL behind a MariaDB that is called mysqld", false, filepath.Join(two, "mysqld"), "8.4.3"},
		{"a MariaDB that is called mysqld", true, filepath.Join(one, "mysqld"), "10.11.6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, version, err := mysqld.Find(t.Context(), c.mariaDB)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Server()[0]; got != c.path || version != c.version || p.MariaDB != c.mariaDB {
				t.Errorf("got %s, version %s, MariaDB %t; want %s, %s, %t", got, version, p.MariaDB, c.path, c.version, c.mariaDB)
			}
		})
	}
}

func TestAnUnpackedMySQLRunsWithItsOwnLibraries(t *testing.T) {
	p := mysqld.UnpackedMySQL("/cache/root")
	got := strings.Join(p.Command("mysqlbinlog"), " ")
	want := "/cache/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path " +
		"/cache/root/usr/lib/x86_64-linux-gnu:/cache/root/usr/lib/mysql/private /cache/root/usr/bin/mysqlbinlog"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
