package postgres_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A documentedValue is one line of docs/types-postgres.md.
type documentedValue struct {
	line    int
	sqlType string
	literal string
	form    string // the event form, JSON
	since   int    // first version of the server that has it, 0 for all
}

// documentedValues reads docs/types-postgres.md: the statements that make the
// types it uses, and its values.
func documentedValues(t testing.TB) (setup string, values []documentedValue) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "types-postgres.md"))
	if err != nil {
		t.Fatalf("read the documentation: %v", err)
	}
	_, setup, _ = strings.Cut(string(text), "```sql\n")
	setup, _, ok := strings.Cut(setup, "```\n")
	if !ok {
		t.Fatal("the documentation has no SQL block")
	}
	row := regexp.MustCompile("^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| (?:since (\\d+)\\b)?.*\\|$")
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| SQL type |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cells := row.FindStringSubmatch(line)
		if cells == nil {
			t.Errorf("line %d of the documentation is not a value: %s", i+1, line)
			continue
		}
		v := documentedValue{line: i + 1, sqlType: cells[1], literal: cells[2], form: cells[3]}
		if cells[4] != "" {
			if v.since, err = strconv.Atoi(cells[4]); err != nil {
				t.Errorf("line %d of the documentation: %v", i+1, err)
			}
		}
		values = append(values, v)
	}
	return setup, values
}
