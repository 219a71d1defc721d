package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

// One line says what is followed, from where and to where, however many tables
// there are.
func TestTheStartIsToldInOneLineThatStaysShort(t *testing.T) {
	t.Parallel()
	const tables = 300
	s := newSite(t, servers.Postgres(t, 18))
	s.config = "control.yaml"
	s.env["TAILRACE_SOURCE"] = s.source()
	s.db.Exec(t, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
		EXECUTE format('CREATE TABLE a_table_of_many_%%s (id int PRIMARY KEY)', i);
		EXECUTE format('ALTER TABLE a_table_of_many_%%s OWNER TO %s', i);
		END LOOP; END $$`, tables-1, s.user))
	p := s.follow(t, "--from", "now", "--until", "now")
	p.succeeds(t)
	got := p.lines(t, "following")
	if len(got) != 1 {
		t.Fatalf("lines of the start: got %d, want 1", len(got))
	}
	line := got[0]
	for key, want := range map[string]string{
		"pipeline": s.name, "server": fmt.Sprintf("127.0.0.1:%d", s.db.Port), "version": "PostgreSQL 18.", "position": "lsn:",
		"sink": "file://" + s.events(), "checkpoint": s.checkpoint(),
	} {
		if said, _ := line[key].(string); !strings.HasPrefix(said, want) {
			t.Errorf("%s: got %q, want %q", key, said, want)
		}
	}
	if named, _ := line["tables"].([]any); len(named) != 20 || line["table_count"] != float64(tables) {
		t.Errorf("tables: got %d of %v named, want 20 of %d", len(named), line["table_count"], tables)
	}
	for text := range strings.Lines(p.stderr.String()) {
		if len(text) > 4096 {
			t.Errorf("a line of %d bytes: %.200s", len(text), text)
		}
	}
}
