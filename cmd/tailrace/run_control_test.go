package main_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// linesOf returns the lines of a file.
func linesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(text)))
}

func TestTruncatesGoToATopicOfTheirOwnWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		s := k.site
		s.config = "control.yaml"
		p := s.follow(t, fromNow...)
		p.following(t)
		k.insert(t, 1, 3)
		k.exec(t, "TRUNCATE TABLE orders")
		k.insert(t, 4, 5)
		p.stop(t)
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, 5)
		truncates := linesOf(t, s.events()+"/"+s.name+".control.ndjson")
		if len(truncates) != 1 {
			t.Fatalf("events in the topic control: got %d, want 1", len(truncates))
		}
		var e struct {
			Op     string
			Source struct{ Table string }
		}
		if err := json.Unmarshal([]byte(truncates[0]), &e); err != nil || e.Op != "t" || e.Source.Table != "orders" {
			t.Errorf("got %+v, %v, want a truncate of orders", e, err)
		}
		ends := linesOf(t, s.events()+"/_transactions.ndjson")
		if want := `"counts":{"` + s.name + `.control":1}`; len(ends) != 6 || !strings.Contains(ends[3], want) {
			t.Errorf("ends of transactions: got %q, want six, and %s in the fourth", ends, want)
		}
	})
}
