package capturetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// A Database is a clean database with sources that follow it. Its methods end
// the test when they fail.
type Database interface {
	// Source returns a new source of always the same pipeline. It captures
	// every table but one named other. The suite closes it.
	Source(t testing.TB) capture.Source
	// Session connects as an application does, until the test ends.
	Session(t testing.TB) Session
	// Clock returns the time by which the server stamps commits.
	Clock(t testing.TB) time.Time
	// Cut ends the open stream's connection from the server's side.
	Cut(t testing.TB)
	// Split begins a new file of the log, where the log is forgotten by files.
	Split(t testing.TB)
	// Forget makes the server forget what lies before at, which was
	// confirmed, or waits until it has.
	Forget(t testing.TB, at event.Position)
	// Foreign returns st as another database would have written it, one that
	// this one can't go on for.
	Foreign(st checkpoint.State) checkpoint.State
}

// A Session is one connection of an application.
type Session interface {
	// Exec runs statements one after another. Each is a transaction, unless
	// it stands between BEGIN and COMMIT.
	Exec(t testing.TB, sql ...string)
}

// Run runs the suite. open gives each behaviour a database of its own, which
// ends with the test.
func Run(t *testing.T, open func(t testing.TB) Database) {
	for _, b := range []struct {
		sentence string
		run      func(t *testing.T, s *scene)
	}{
		{"a committed change arrives", committedChanges},
		{"nothing of a rolled back transaction or savepoint arrives", rolledBack},
		{"interleaved transactions arrive whole and in the order of their commits", interleaved},
		{"resuming after any place gives exactly what follows it", resuming},
		{"a change is handed on although nothing follows it", lonelyChange},
		{"a place lies at the end of a transaction and never inside one", places},
		{"a unit is bounded whatever the transaction's size", boundedUnits},
		{"changes of other tables move the place", otherTables},
		{"what was confirmed may be forgotten, and a place before it is lost", forgotten},
		{"a place that is not confirmed is kept over a restart", unconfirmed},
		{"a place of another source is refused", foreignPlace},
		{"range and reached tell whether there is more", ranges},
		{"next returns soon after its context ends", endOfContext},
		{"close lets the next one in", closing},
		{"a stream that was cut may be opened again", cut},
		{"a start at earliest has what the server kept", startEarliest},
		{"a start at now has only what is committed from then on", startNow},
		{"a start at a time has the transactions committed from then on", startTime},
		{"a start at a position has what follows it", startPosition},
	} {
		t.Run(b.sentence, func(t *testing.T) {
			db := open(t)
			s := &scene{db: db, app: db.Session(t)}
			s.app.Exec(
				t,
				"CREATE TABLE captured (id int PRIMARY KEY, note varchar(100))",
				"CREATE TABLE other (id int PRIMARY KEY, note varchar(100))",
			)
			b.run(t, s)
		})
	}
}

// A scene is a database with the tables captured and other, and an application.
type scene struct {
	db  Database
	app Session
}

func (s *scene) start(t testing.TB) *Reader {
	t.Helper()
	return Start(t, s.db.Source(t), checkpoint.State{}, event.Now)
}

func (s *scene) insert(t testing.TB, id int) {
	t.Helper()
	s.app.Exec(t, insertion(id))
}

func insertion(id int) string {
	return fmt.Sprintf("INSERT INTO captured VALUES (%d, 'n')", id)
}

// inserted returns the lines of the events of insertion.
func inserted(ids ...int) []string {
	lines := []string{}
	for _, id := range ids {
		lines = append(lines, fmt.Sprintf(`c captured {"id":%d} null {"id":%d,"note":"n"}`, id, id))
	}
	return lines
}

// lines is Strings without the schema, which only some databases have.
func lines(events []Event) []string {
	for i := range events {
		events[i].Source.Schema = ""
	}
	return Strings(events)
}
