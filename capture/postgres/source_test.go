package postgres_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
)

func TestReached(t *testing.T) {
	src, err := postgres.New(postgres.Config{Name: "test", URL: "postgres://localhost/shop"})
	if err != nil {
		t.Fatalf("make the source: %v", err)
	}
	for _, c := range []struct {
		name       string
		at, target event.Position
		want       bool
	}{
		{"a later place", "lsn:0/16B3749", "lsn:0/16B3748", true},
		{"the same place", "lsn:0/16B3748", "lsn:0/16B3748", true},
		{"an earlier place", "lsn:0/16B3747", "lsn:0/16B3748", false},
		{"the high half counts first", "lsn:1/0", "lsn:0/FFFFFFFF", true},
		{"the high half counts first, the other way round", "lsn:0/FFFFFFFF", "lsn:1/1000", false},
		{"the end of a page stands for the header behind it", "lsn:0/16B4000", "lsn:0/16B4018", true},
		{"the end of a segment stands for its longer header", "lsn:0/2000000", "lsn:0/2000028", true},
		{"not for the first record behind it", "lsn:0/16B4000", "lsn:0/16B4030", false},
		{"a place before the page's end has not reached it", "lsn:0/16B3FF8", "lsn:0/16B4018", false},
		{"the beginning of the log", "lsn:0/0", "lsn:0/0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := src.Reached(c.at, c.target); got != c.want {
				t.Errorf("Reached(%s, %s) = %t, want %t", c.at, c.target, got, c.want)
			}
		})
	}
}
