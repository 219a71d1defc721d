package capturetest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

func committedChanges(t *testing.T, s *scene) {
	r := s.start(t)
	s.app.Exec(
		t,
		"INSERT INTO captured VALUES (1, 'a')",
		"UPDATE captured SET note = NULL WHERE id = 1",
		"DELETE FROM captured WHERE id = 1",
	)
	Equal(t, lines(keysOnly(t, r.ToEnd())), []string{
		`c captured {"id":1} null {"id":1,"note":"a"}`,
		`u captured {"id":1} {"id":1} {"id":1,"note":null}`,
		`d captured {"id":1} {"id":1} null`,
	})
}

// keysOnly cuts old rows down to the key, which is what every log carries of them.
func keysOnly(t *testing.T, events []Event) []Event {
	t.Helper()
	for i := range events {
		var before struct {
			ID json.RawMessage `json:"id"`
		}
		if string(events[i].Before) == "null" {
			continue
		}
		if err := json.Unmarshal(events[i].Before, &before); err != nil {
			t.Fatalf("unmarshal the old row %s: %v", events[i].Before, err)
		}
		events[i].Before = append(append([]byte(`{"id":`), before.ID...), '}')
	}
	return events
}

func rolledBack(t *testing.T, s *scene) {
	r := s.start(t)
	s.app.Exec(
		t,
		"BEGIN", insertion(1), "ROLLBACK",
		"BEGIN", insertion(2), "SAVEPOINT a", insertion(3), "ROLLBACK TO SAVEPOINT a", insertion(4), "COMMIT",
	)
	Equal(t, lines(r.ToEnd()), inserted(2, 4))
}

func interleaved(t *testing.T, s *scene) {
	r := s.start(t)
	second := s.db.Session(t)
	s.app.Exec(t, "BEGIN", insertion(1))
	second.Exec(t, "BEGIN", insertion(2))
	s.app.Exec(t, insertion(3))
	second.Exec(t, insertion(4), "COMMIT")
	s.app.Exec(t, insertion(5), "COMMIT")
	events := r.ToEnd()
	Equal(t, lines(events), inserted(2, 4, 1, 3, 5))
	for i := 1; i < len(events); i++ {
		if a, b := events[i-1].Ver, events[i].Ver; a >= b {
			t.Errorf("ver %s is followed by %s: they must rise", a, b)
		}
	}
}

func resuming(t *testing.T, s *scene) {
	r := s.start(t)
	type place struct {
		state checkpoint.State
		seen  int
	}
	places := []place{{r.State, 0}}
	var all []Event
	next := 1
	for _, rows := range []int{1, 3, 1, 700, 2} {
		ids := make([]int, rows)
		for i := range ids {
			ids[i] = next
			next++
		}
		s.transaction(t, ids)
		all = append(all, r.ToEnd()...)
		places = append(places, place{r.State, len(all)})
	}
	r.Close()
	for _, p := range places {
		again := Start(t, s.db.Source(t), p.state, "")
		Equal(t, Texts(again.ToEnd()), Texts(all[p.seen:]))
		again.Close()
	}
}

// transaction inserts rows in one transaction.
func (s *scene) transaction(t testing.TB, ids []int) {
	t.Helper()
	statements := []string{"BEGIN"}
	for _, id := range ids {
		statements = append(statements, insertion(id))
	}
	s.app.Exec(t, append(statements, "COMMIT")...)
}

func lonelyChange(t *testing.T, s *scene) {
	const soon = 2 * time.Second
	r := s.start(t)
	r.ToEnd()
	s.insert(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		u, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("no change within %v: %v", soon, err)
		}
		if len(u.Events) > 0 {
			Equal(t, lines(u.Events), inserted(1))
			return
		}
	}
}

// rows returns a statement that inserts n rows.
func rows(first, n int) string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("(%d, '%s')", first+i, strings.Repeat("x", 100))
	}
	return "INSERT INTO captured VALUES " + strings.Join(values, ", ")
}

func places(t *testing.T, s *scene) {
	const total = 3000
	r := s.start(t)
	s.insert(t, -1)
	s.app.Exec(t, "BEGIN", rows(0, total/2), rows(total/2, total/2), "COMMIT")
	s.insert(t, total)
	units, events := s.units(t, r, total+2)
	if len(units) < 3 {
		t.Fatalf("got %d units, want a transaction that takes several", len(units))
	}
	transaction := ""
	for _, u := range units {
		if u.Position == "" && !u.Open {
			t.Errorf("a unit of %d events ends with a transaction and has no position", len(u.Events))
		}
		if u.Position != "" && len(u.Events) > 0 && u.Open && u.Events[0].Transaction.ID == transaction &&
			u.Events[len(u.Events)-1].Transaction.ID == transaction {
			t.Errorf("a unit from the middle of a transaction has the position %s", u.Position)
		}
		if n := len(u.Events); n > 0 {
			transaction = u.Events[n-1].Transaction.ID
		}
	}
	for i := 1; i < len(events); i++ {
		if a, b := events[i-1].Ver, events[i].Ver; a >= b {
			t.Fatalf("ver %s is followed by %s: they must rise", a, b)
		}
	}
}

// units reads until n events have come and their last transaction has ended.
func (s *scene) units(t *testing.T, r *Reader, n int) ([]Unit, []Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var units []Unit
	var events []Event
	for open := false; len(events) < n || open; {
		u, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("read unit %d, after %d events: %v", len(units), len(events), err)
		}
		open = u.Open || open && u.Position == ""
		units = append(units, u)
		events = append(events, u.Events...)
	}
	if len(events) != n {
		t.Errorf("got %d events, want %d", len(events), n)
	}
	return units, events
}

func boundedUnits(t *testing.T, s *scene) {
	const total, most = 5000, 1 << 20
	r := s.start(t)
	s.app.Exec(t, rows(0, total))
	units, _ := s.units(t, r, total)
	for _, u := range units {
		size := 0
		for _, e := range u.Events {
			size += len(e.Key) + len(e.Text)
		}
		if size > most {
			t.Errorf("a unit has %d bytes of events, want at most %d", size, most)
		}
	}
}

func otherTables(t *testing.T, s *scene) {
	r := s.start(t)
	before := r.State.Position
	for id := range 20 {
		s.app.Exec(t, fmt.Sprintf("INSERT INTO other VALUES (%d, 'n')", id))
	}
	Equal(t, lines(r.ToEnd()), nil)
	if r.Source.Reached(before, r.State.Position) {
		t.Errorf("the place is still %s", before)
	}
	s.insert(t, 1)
	Equal(t, lines(r.ToEnd()), inserted(1))
}

func startEarliest(t *testing.T, s *scene) {
	r := s.start(t)
	s.insert(t, 1)
	r.ToEnd()
	r.Close()
	r = Start(t, s.db.Source(t), checkpoint.State{}, event.Earliest)
	Equal(t, lines(r.ToEnd()), inserted(1))
}

func startNow(t *testing.T, s *scene) {
	s.insert(t, 1)
	r := s.start(t)
	s.insert(t, 2)
	Equal(t, lines(r.ToEnd()), inserted(2))
	r.Close()
	s.insert(t, 3)
	second := s.db.Session(t)
	second.Exec(t, "BEGIN", insertion(4))
	r = Start(t, s.db.Source(t), r.State, event.Now)
	s.insert(t, 5)
	second.Exec(t, "COMMIT")
	Equal(t, lines(r.ToEnd()), inserted(5, 4))
}
