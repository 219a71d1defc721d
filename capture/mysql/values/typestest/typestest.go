// Package typestest reads docs/types-mysql.md for the tests that hold it against
// servers.
package typestest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A Value is one line of the documentation. It is inserted in a session with
// Setup.
type Value struct {
	Line    int    // in the file, for messages
	Type    string // of the column, as CREATE TABLE takes it
	Literal string // what is inserted
	MySQL   string // the event form, JSON; "" where MySQL has no such type
	MariaDB string // likewise
}

// Form returns the event form in one of the two databases. ok is false if it has
// no such type.
func (v Value) Form(mariaDB bool) (form string, ok bool) {
	form = v.MySQL
	if mariaDB {
		form = v.MariaDB
	}
	return form, form != ""
}

// Setup makes a session take zero and partial dates.
const Setup = "SET SESSION sql_mode = ''"

// notThere stands in the place of a form.
const notThere = "not there"

var valueLine = regexp.MustCompile("^\\| `([^`]+)` \\| `([^`]+)` \\| (`[^`]+`|" + notThere + ") \\| (`[^`]+`|" + notThere + "|) ?\\|.*\\|$")

// Values returns the lines of all tables in the documentation. A line that is
// none fails the test.
func Values(t testing.TB) []Value {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "types-mysql.md"))
	if err != nil {
		t.Fatalf("read the documentation: %v", err)
	}
	var values []Value
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| SQL type |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cells := valueLine.FindStringSubmatch(line)
		if cells == nil {
			t.Errorf("line %d of the documentation is not a value: %s", i+1, line)
			continue
		}
		v := Value{Line: i + 1, Type: cells[1], Literal: cells[2], MySQL: form(cells[3])}
		v.MariaDB = v.MySQL
		if cells[4] != "" {
			v.MariaDB = form(cells[4])
		}
		values = append(values, v)
	}
	if len(values) == 0 {
		t.Fatal("the documentation has no values")
	}
	return values
}

func form(cell string) string {
	if cell == notThere {
		return ""
	}
	return strings.Trim(cell, "`")
}

// root finds the folder of the module, as tests of several packages read the
// documentation.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("find the module's folder: %v", err)
	return ""
}
