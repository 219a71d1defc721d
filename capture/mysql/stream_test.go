package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
)

// A scene is a database that is captured, and an application that writes to it.
type scene struct {
	source
	server *servers.MySQLServer
	app    *client.Conn
	fences int
}

func newScene(t *testing.T, server *servers.MySQLServer, change func(*mysql.Config)) *scene {
	t.Helper()
	d := server.Database(t)
	d.Exec(t, "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(100))", "CREATE TABLE fence (id INT PRIMARY KEY)",
		"CREATE TABLE other (id INT PRIMARY KEY, note LONGTEXT)")
	return &scene{source: newSource(t, d, change), server: server, app: d.Conn(t)}
}

// onEachKind runs tests on one server of each kind.
func onEachKind(t *testing.T, tests map[string]func(*testing.T, *scene)) {
	t.Helper()
	onKinds(t, kinds, tests)
}

func onKinds(t *testing.T, kinds []kind, tests map[string]func(*testing.T, *scene)) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := pool.Server(t, kind.product, kind.settings)
			for sentence, test := range tests {
				t.Run(sentence, func(t *testing.T) { test(t, newScene(t, server, nil)) })
			}
		})
	}
}

func (s *scene) start(t *testing.T) *capturetest.Reader {
	t.Helper()
	return capturetest.Start(t, s.Source(t), checkpoint.State{}, event.Now)
}

// exec runs statements of one session.
func (s *scene) exec(t *testing.T, sql ...string) {
	t.Helper()
	application{s.app}.Exec(t, sql...)
}

// fence writes a row that is the last that a reader sees.
func (s *scene) fence(t *testing.T) {
	t.Helper()
	s.fences++
	s.Exec(t, fmt.Sprintf("INSERT INTO fence VALUES (%d)", s.fences))
}

// events returns the events of everything that was written up to now.
func (s *scene) events(t *testing.T, r *capturetest.Reader) []capturetest.Event {
	t.Helper()
	s.fence(t)
	events, err := s.toFence(t, r)
	if err != nil {
		t.Fatalf("after %d events, at %s: %v", len(events), r.State.Position, err)
	}
	return events
}

// toFence reads up to the last fence, without those that come before it. What a
// state says is published is left out, as a pipeline does.
func (s *scene) toFence(t *testing.T, r *capturetest.Reader) ([]capturetest.Event, error) {
	t.Helper()
	var resent string
	if r.State.Open() {
		resent = r.State.Ver.String()
	}
	ctx := within(t)
	var events []capturetest.Event
	for {
		u, err := r.Next(ctx)
		if err != nil {
			return events, err
		}
		for _, e := range u.Events {
			switch {
			case e.Ver <= resent:
			case e.Source.Table != "fence":
				events = append(events, e)
			case e.Key == fmt.Sprintf(`{"id":%d}`, s.fences):
				return events, nil
			}
		}
	}
}

// broken returns the error that ends a reader, which is a Stop.
func (s *scene) broken(t *testing.T, r *capturetest.Reader) (events []capturetest.Event, sentence string) {
	t.Helper()
	s.fence(t)
	events, err := s.toFence(t, r)
	if err == nil {
		t.Fatalf("got %d events and no error, want a Stop: %v", len(events), lines(events))
	}
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) {
		t.Errorf("got %v, want a Stop", err)
	}
	return events, err.Error()
}

// lines returns the events without the schema, which is a database of the test.
func lines(events []capturetest.Event) []string {
	for i := range events {
		events[i].Source.Schema = ""
	}
	return capturetest.Strings(events)
}

func inserted(ids ...int) []string {
	var l []string
	for _, id := range ids {
		l = append(l, fmt.Sprintf(`c t {"id":%d} null {"id":%d,"note":"n"}`, id, id))
	}
	return l
}

func insertion(id int) string { return fmt.Sprintf("INSERT INTO t VALUES (%d, 'n')", id) }

// A visit is a state that was saved, and how many events came before it.
type visit struct {
	state checkpoint.State
	seen  int
}

// visits runs steps, reads after each, and returns what was saved then, and all
// events.
func (s *scene) visits(t *testing.T, r *capturetest.Reader, steps ...func()) ([]visit, []capturetest.Event) {
	t.Helper()
	visits := []visit{{r.State, 0}}
	var all []capturetest.Event
	for _, step := range steps {
		step()
		all = append(all, s.events(t, r)...)
		visits = append(visits, visit{r.State, len(all)})
	}
	r.Close()
	return visits, all
}

// resumeAll starts at every state and wants exactly the rest, the same bytes.
func (s *scene) resumeAll(t *testing.T, visits []visit, all []capturetest.Event) {
	t.Helper()
	s.fence(t)
	for i, v := range visits {
		r := capturetest.Start(t, s.Source(t), v.state, "")
		got, err := s.toFence(t, r)
		r.Close()
		if err != nil {
			t.Fatalf("from place %d, %s: %v", i, v.state.Position, err)
		}
		capturetest.Equal(t, capturetest.Texts(got), capturetest.Texts(all[v.seen:]))
		if t.Failed() {
			t.Fatalf("that was from place %d, %s", i, v.state.Position)
		}
	}
}

// transactions returns the ids of events, each once.
func transactions(events []capturetest.Event) []string {
	var ids []string
	for _, e := range events {
		if n := len(ids); n == 0 || ids[n-1] != e.Transaction.ID {
			ids = append(ids, e.Transaction.ID)
		}
	}
	return ids
}

// logged wants a statement, or an event of a type, in the log's newest file.
func (s *scene) logged(t *testing.T, what string) {
	t.Helper()
	file, _ := logEnd(t, s.MySQLDatabase)
	for _, e := range s.Rows(t, "SHOW BINLOG EVENTS IN '"+file+"'") {
		if kind, info := e[2], e[5]; kind == what || info == what || strings.HasSuffix(info, "; "+what) {
			return
		}
	}
	t.Errorf("%s does not stand in %s", what, file)
}
