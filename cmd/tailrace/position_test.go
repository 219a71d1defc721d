package main_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// A shownPosition is what `tailrace position -o json` says.
type shownPosition struct {
	Pipeline, Checkpoint, Position, Ver, From string
	Epoch                                     uint32
	Open                                      bool
	Server                                    struct {
		Oldest, Newest, Lost, Error string
		BehindBytes                 *int64 `json:"behind_bytes"`
		KeptBytes                   *int64 `json:"kept_bytes"`
	}
}

// A shownDiff is what `tailrace position diff -o json` says.
type shownDiff struct {
	Position, Newest string
	BehindBytes      *int64     `json:"behind_bytes"`
	FirstCommit      *time.Time `json:"first_commit"`
	Files            []struct {
		Name        string
		UnreadBytes int64 `json:"unread_bytes"`
	}
}

// position runs `tailrace position` with the site's configuration.
func (s *site) tellsPosition(t *testing.T, args ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"position", "-c", "testdata/" + s.config}, args...)...)
}

// shown returns what `tailrace position show` says.
func (s *site) shown(t *testing.T) (got shownPosition) {
	t.Helper()
	s.tellsPosition(t, "-o", "json").reads(t, &got)
	return got
}

// reads waits for a success and reads its answer.
func (p *process) reads(t *testing.T, into any) {
	t.Helper()
	p.succeeds(t)
	if err := json.Unmarshal([]byte(p.stdout.String()), into); err != nil {
		t.Fatalf("what tailrace printed is not JSON: %v", err)
	}
}

// eachStore runs a test on each kind of database with a checkpoint in a file, and
// one in Kafka.
func eachStore(t *testing.T, test func(t *testing.T, k *kafkaSite)) {
	t.Helper()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.env["INTERVAL"] = "200ms"
		t.Run("a checkpoint in a file", func(t *testing.T) { test(t, k) })
	})
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.once().env["INTERVAL"] = "200ms"
		t.Run("a checkpoint in Kafka", func(t *testing.T) { test(t, k) })
	})
}

func TestThePositionIsShownBeforeWhileAndAfterTheDaemonRuns(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, k *kafkaSite) {
		p := k.tellsPosition(t)
		p.succeeds(t)
		if text := p.stdout.String(); !strings.Contains(text, "none yet") || !strings.Contains(text, "newest") {
			t.Errorf("without a checkpoint: got %q, want that there is none, and the log's end", text)
		}
		d := k.follow(t, fromNow...)
		d.following(t)
		first := k.shown(t)
		if first.Position == "" || first.Server.Lost != "" || first.Server.Newest == "" || first.From != "now" {
			t.Errorf("while it runs: got %+v, want a place that is not lost, and the start", first)
		}
		k.insert(t, 1, 10)
		var during shownPosition
		eventually.True(t, patience, "the shown place moves", func() bool {
			during = k.shown(t)
			return during.Ver != "" && !during.Open && during.Position != first.Position
		})
		if during.Server.Lost != "" || during.Server.BehindBytes == nil {
			t.Errorf("behind the events: got %+v, want a number of bytes", during)
		}
		d.stop(t)

		after := k.shown(t)
		if want := k.position(t); after.Position != want || after.Pipeline != k.name || after.Ver < during.Ver || after.Open {
			t.Errorf("after its end: got %+v, want the position %s", after, want)
		}
		if want := "kafka:" + k.name + ".checkpoint"; k.config == "kafka-once.yaml" && after.Checkpoint != want {
			t.Errorf("checkpoint: got %s, want %s", after.Checkpoint, want)
		}
		text := k.tellsPosition(t, "show")
		text.succeeds(t)
		for _, want := range []string{after.Position, after.Ver, "--from now", "behind"} {
			if !strings.Contains(text.stdout.String(), want) {
				t.Errorf("for people: got %q, want %q in it", text.stdout.String(), want)
			}
		}
	})
}

func TestWhatLiesBetweenIsToldAndNotConsumed(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, k *kafkaSite) {
		p := k.tellsPosition(t, "diff")
		p.exits(t, 4)
		if got, want := p.verdict(t), "pipeline "+k.name+" has no checkpoint at "; !strings.HasPrefix(got, want) {
			t.Errorf("without a checkpoint: got %q, want %q at its beginning", got, want)
		}
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		begin := time.Now().Add(-time.Second).Truncate(time.Second)
		k.insert(t, 1, 20)
		var got shownDiff
		k.tellsPosition(t, "diff", "-o", "json").reads(t, &got)
		if got.Position != k.position(t) || got.BehindBytes == nil || *got.BehindBytes < 20*100 {
			t.Errorf("got %+v, want more than 20 rows behind %s", got, k.position(t))
		}
		if postgres := k.site.db != nil; !postgres {
			unread := int64(0)
			for _, f := range got.Files {
				unread += f.UnreadBytes
			}
			// Other tests write to the same server, so that the log grows meanwhile.
			if got.FirstCommit == nil || got.BehindBytes == nil || unread < *got.BehindBytes {
				t.Errorf("got %+v, want the files with all of the bytes, and when the first was committed", got)
			} else if got.FirstCommit.After(time.Now()) || got.FirstCommit.Before(begin.Add(-patience)) {
				t.Errorf("the first transaction was committed at %v, want about %v", got.FirstCommit, begin)
			}
		}
		text := k.tellsPosition(t, "diff")
		text.succeeds(t)
		if !strings.Contains(text.stdout.String(), "bytes)") {
			t.Errorf("for people: got %q, want bytes", text.stdout.String())
		}
		k.follow(t, "--until", "now").succeeds(t)
		if got := count(k.committed(t, k.topic)); got != 20 {
			t.Errorf("events after it was looked at: got %d, want 20", got)
		}
	})
}

func TestAPlaceThatIsLostIsShownWithWhatToDo(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		s.db.Exec(t, "SELECT pg_drop_replication_slot($1)", s.slot)
		p := s.tellsPosition(t)
		p.succeeds(t)
		for _, want := range []string{"lost: slot " + s.slot + " does not exist any more", "--from now", string(s.state(t).Position)} {
			if !strings.Contains(p.stdout.String(), want) {
				t.Errorf("got %q, want %q in it", p.stdout.String(), want)
			}
		}
		d := s.tellsPosition(t, "diff")
		d.exits(t, 4)
		if got := s.shown(t).Server.Lost; d.verdict(t) != got {
			t.Errorf("diff says %q, want %q", d.verdict(t), got)
		}
	})
}

func TestAServerThatIsDownLeavesTheSavedPlaceShown(t *testing.T) {
	t.Parallel()
	server := servers.NewPostgres(t, 18, nil)
	s := newSite(t, server.Database(t))
	s.establish(t)
	server.Stop(t)
	p := s.tellsPosition(t)
	p.exits(t, 4)
	if got, want := p.stdout.String(), string(s.state(t).Position); !strings.Contains(got, want) {
		t.Errorf("got %q, want the saved place %s in it", got, want)
	}
	if got := p.verdict(t); !strings.Contains(got, "can be reached from here") || strings.Contains(p.stdout.String(), "refused") {
		t.Errorf("stderr says %q, stdout %q, want in the first only why the server does not tell and what to do", got, p.stdout.String())
	}
	if err := os.Remove(s.checkpoint()); err != nil {
		t.Fatal(err)
	}
	s.write(t, s.checkpoint(), "{}")
	damaged := s.tellsPosition(t)
	damaged.exits(t, 4)
	if got := damaged.verdict(t); !strings.Contains(got, "damaged") {
		t.Errorf("of a damaged checkpoint: got %q, want that it is damaged", got)
	}
}

func TestPositionRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a word that is none", []string{"jump"}, "takes no argument"},
		{"a form that is none", []string{"-o", "xml"}, "expected text or json"},
		{"no place", []string{"set"}, "takes one place, and 0 were given"},
		{"two places", []string{"set", "now", "earliest"}, "takes one place, and 2 were given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.tellsPosition(t, c.args...)
			p.exits(t, 1)
			if got := p.verdict(t); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}
