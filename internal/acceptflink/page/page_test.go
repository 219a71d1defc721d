package page_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/acceptflink/page"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/consumers.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheDocumentHoldsTheSQLThatIsTried(t *testing.T) {
	p, err := page.Read(document(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, block, begin string
		statements         int
	}{
		{"the settings", p.Settings, "SET ", 2},
		{"the table", p.Table, "CREATE TABLE orders ", 1},
		{"the log", p.Log, "CREATE TABLE orders_log ", 1},
		{"the view", p.View, "CREATE VIEW orders_now ", 1},
	} {
		got := page.Statements(c.block)
		if len(got) != c.statements || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, c.begin) || strings.Contains(s, ";") }) {
			t.Errorf("%s: got %q, want %d statements that begin with %q", c.name, got, c.statements, c.begin)
		}
	}
}

func TestABlockThatIsMissingIsNamed(t *testing.T) {
	_, err := page.Read(strings.Replace(document(t), "runs this: view", "runs this no more", 1))
	if err == nil || !strings.Contains(err.Error(), "view") {
		t.Errorf("got %v, want an error that names the view", err)
	}
}

func TestATableIsOfAnotherTopicAndBroker(t *testing.T) {
	p, err := page.Read(document(t))
	if err != nil {
		t.Fatal(err)
	}
	got := page.For(p.Table, "a.b.c", "127.0.0.1:1", strings.NewReplacer("BOOLEAN", "TINYINT"))
	for text, want := range map[string]bool{
		"'a.b.c', 'scan.bounded.mode' = 'latest-offset'": true, "'127.0.0.1:1'": true, "TINYINT": true,
		"shop.public.orders": false, "broker-1": false, "BOOLEAN": false,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("got %s, want %q in it: %t", got, text, want)
		}
	}
}
