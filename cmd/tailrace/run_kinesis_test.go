package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// A kinesisSite is a pipeline from a database into a stream that belongs to the
// test. Beside orders, it has a table items.
type kinesisSite struct {
	*site
	kinesis *servers.KinesisServer
	stream  string
	exec    func(t *testing.T, sql string)
}

func newKinesisSite(t *testing.T, s *site, source, schema string, exec func(t *testing.T, sql string)) *kinesisSite {
	t.Helper()
	k := &kinesisSite{s, servers.Kinesis(t, local.KinesisLocal), "", exec}
	k.stream = k.kinesis.Stream(t, 2)
	s.config = "kinesis.yaml"
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "STREAM": k.stream, "ENDPOINT": k.kinesis.Endpoint, "BY": "table", "PACKING": "lines",
		"TAILRACE_SOURCE": source, "TAILRACE_TABLES": schema + ".*",
	}
	k.useAWS()
	exec(t, "CREATE TABLE items (id int PRIMARY KEY, note text)")
	if s.db != nil {
		exec(t, "ALTER TABLE items OWNER TO "+s.user) // a publication takes only tables of one's own
	}
	return k
}

// newPostgresStream is newKinesisSite with a database of Postgres.
func newPostgresStream(t *testing.T) *kinesisSite {
	t.Helper()
	s := newSite(t, servers.Postgres(t, 18))
	return newKinesisSite(t, s, s.source(), "public", func(t *testing.T, sql string) {
		t.Helper()
		s.db.Exec(t, sql)
	})
}

// useAWS gives the site's programs the credentials that stand-ins take, and nothing
// of this machine's.
func (s *site) useAWS() {
	for _, name := range []string{
		"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	} {
		s.env[name] = ""
	}
	s.env["AWS_CONFIG_FILE"], s.env["AWS_SHARED_CREDENTIALS_FILE"] = os.DevNull, os.DevNull
	for _, variable := range servers.KinesisEnvironment() {
		name, value, _ := strings.Cut(variable, "=")
		s.env[name] = value
	}
}

// intoStreams runs a test on Postgres and on MySQL.
func intoStreams(t *testing.T, test func(t *testing.T, k *kinesisSite)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newPostgresStream(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		s := newMySQLSite(t, servers.MySQL(t, local.MySQL97))
		test(t, newKinesisSite(t, s.site, s.source(), s.db.Name, func(t *testing.T, sql string) {
			t.Helper()
			s.db.Exec(t, sql)
		}))
	})
}

// change makes a transaction for each number from first to last, with a row of
// both tables, and in each tenth some more.
func (k *kinesisSite) change(t *testing.T, first, last int) {
	t.Helper()
	for id := first; id <= last; id++ {
		rows := []string{fmt.Sprintf("(%d, '%s')", id, rowValue)}
		for more := range 20 * (1 - min(1, id%10)) {
			rows = append(rows, fmt.Sprintf("(%d, '%s')", 1000*id+more, rowValue))
		}
		k.exec(t, fmt.Sprintf("INSERT INTO orders VALUES (%d, '%s')", id, rowValue))
		k.exec(t, "INSERT INTO items VALUES "+strings.Join(rows, ", "))
	}
}

// events returns those in the stream by lane, each lane's in their order.
func (k *kinesisSite) events(t *testing.T) map[string][]string {
	t.Helper()
	folder := t.TempDir()
	if err := (verify.Stream{Packing: k.env["PACKING"]}).Copy(folder, k.kinesis.Consume(t, k.stream)); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the files %q and %v, want one", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		columns := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 4)
		all[columns[0]] = append(all[columns[0]], columns[3])
	}
	return all
}

// count returns how many different events are in the stream.
func (k *kinesisSite) count(t *testing.T) int {
	t.Helper()
	different := map[string]bool{}
	for _, events := range k.events(t) {
		for _, e := range events {
			different[e] = true
		}
	}
	return len(different)
}

// twin is a pipeline of the same name into files, with a place of its own.
func (k *kinesisSite) twin(t *testing.T) *site {
	t.Helper()
	other := *k.site
	other.folder, other.env, other.config = t.TempDir(), maps.Clone(k.env), "kinesis-twin.yaml"
	other.env["FOLDER"] = other.folder
	if other.db != nil {
		other.config, other.slot = "kinesis-twin-postgres.yaml", k.slot+"_twin"
		other.env["SLOT"] = other.slot
	}
	return &other
}

// published returns the events in the files of a pipeline.
func (s *site) published(t *testing.T) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.folder, "events", "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasPrefix(filepath.Base(path), "_") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}

func TestAStreamHasTheEventsOfTheFilesOnceAndInOrderThroughStops(t *testing.T) {
	t.Parallel()
	for packing, by := range map[string]string{"lines": "table", "none": "key", "kpl": "table"} {
		t.Run(packing, func(t *testing.T) {
			t.Parallel()
			intoStreams(t, func(t *testing.T, k *kinesisSite) {
				k.env["PACKING"], k.env["BY"] = packing, by
				files := k.twin(t)
				files.establish(t)

				p := k.follow(t, fromNow...)
				if got, want := p.following(t)["sink"], "kinesis://"+k.stream; !strings.HasPrefix(fmt.Sprint(got), want) {
					t.Errorf("the sink in the start line: got %v, want %s", got, want)
				}
				k.change(t, 1, 10)
				eventually.True(t, patience, "the events are there", func() bool { return k.count(t) >= 40 })
				k.change(t, 11, 30)
				p.stop(t) // in the middle of them
				k.change(t, 31, 40)
				k.exec(t, "UPDATE orders SET note = 'x' WHERE id = 1")
				k.exec(t, "DELETE FROM orders WHERE id = 1")
				k.follow(t, "--until", "now").succeeds(t)
				files.follow(t, "--until", "now").succeeds(t)

				var got []string
				lanes, places := k.events(t), map[string]string{}
				for lane, events := range lanes {
					at := ""
					for _, text := range events {
						var e struct {
							Ver           string
							Before, After struct{ ID *int }
							Source        struct{ Table string }
						}
						if err := json.Unmarshal([]byte(text), &e); err != nil {
							t.Fatalf("an event is no JSON: %v", err)
						}
						if e.Ver <= at {
							t.Errorf("ver %s comes after %s in lane %s", e.Ver, at, lane)
						}
						at = e.Ver
						unit := e.Source.Table
						if by == "key" && e.After.ID != nil {
							unit += fmt.Sprint(" ", *e.After.ID)
						} else if by == "key" {
							unit += fmt.Sprint(" ", *e.Before.ID)
						}
						if there, ok := places[unit]; ok && there != lane {
							t.Errorf("%s is in the lanes %s and %s", unit, there, lane)
						}
						places[unit] = lane
					}
					got = append(got, events...)
				}
				want := files.published(t)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) || len(want) != 162 {
					t.Errorf("got %d events in the stream and %d in the files, want the same 162", len(got), len(want))
				}
				if records := len(k.kinesis.Consume(t, k.stream)); (records == len(got)) != (packing == "none") {
					t.Errorf("%d events are in %d records", len(got), records)
				}
				if by == "key" && len(lanes) < 20 {
					t.Errorf("%d lanes were used, want many", len(lanes))
				}
			})
		})
	}
}

func TestAnEventThatIsTooLargeStopsOrGoesToTheDeadLetterStream(t *testing.T) {
	t.Parallel()
	intoStreams(t, func(t *testing.T, k *kinesisSite) {
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		k.change(t, 1, 1)
		k.exec(t, "INSERT INTO orders VALUES (2, repeat('x', 1100000))")
		k.change(t, 3, 3)
		p := k.follow(t, "--until", "now")
		p.exits(t, 4)
		want := " is larger than stream " + k.stream + " takes, which is 1048576; raise the stream's maximum record size"
		if got := k.normalize(p.verdict(t)); !strings.HasPrefix(got, "a record of N bytes for ") || !strings.Contains(got, want) {
			t.Errorf("got %q, want that a record%s", got, want)
		}
		large := k.kinesis.Stream(t, 1)
		k.kinesis.Grow(t, large, 10240)
		k.config, k.env["DEAD_LETTER"] = "kinesis-dead-letter.yaml", large
		k.follow(t, "--until", "now").succeeds(t)
		if got := k.count(t); got != 4 {
			t.Errorf("events in the stream: got %d, want 4", got)
		}
		if dead := k.kinesis.Consume(t, large); len(dead) != 1 || len(dead[0].Data) < 1100000 || !strings.HasPrefix(string(dead[0].Data), `{"op":"c"`) {
			t.Errorf("got %d records in the dead letter stream, want the one event", len(dead))
		}
	})
}
