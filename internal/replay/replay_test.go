package replay_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/replay"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each case is a folder of event files, the rows of its source as to_jsonb
// writes them, and what the comparison says.
func TestComparisonsAreAsInTheGoldenFiles(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/source")
	if err != nil || len(cases) == 0 {
		t.Fatalf("list cases: %v, %d of them", err, len(cases))
	}
	for _, source := range cases {
		dir := filepath.Dir(source)
		t.Run(strings.ReplaceAll(filepath.Base(dir), "_", " "), func(t *testing.T) {
			got := describe(t, dir, readLines(t, source))
			golden := filepath.Join(dir, "golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// describe replays a folder and writes down how it compares.
func describe(t *testing.T, dir string, source []string) string {
	t.Helper()
	tables, err := replay.Read(dir)
	if err != nil {
		return "refused: " + strings.ReplaceAll(err.Error(), dir, "DIR") + "\n"
	}
	r := tables.CompareRows("public.t", source)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d events, %d rows\n", r.Table, r.Events, r.Rows)
	for _, d := range r.Differences {
		fmt.Fprintln(&b, d)
	}
	return b.String()
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// The good case, with any one of its events taken away or sent twice.
func TestALostEventIsNoticed(t *testing.T) {
	const good = "testdata/all_kinds_of_events"
	schemas := readLines(t, filepath.Join(good, "_schemas.ndjson"))
	events := readLines(t, filepath.Join(good, "t.ndjson"))
	source := readLines(t, filepath.Join(good, "source"))
	compare := func(t *testing.T, events []string) replay.Result {
		t.Helper()
		tables := replay.New()
		for _, line := range schemas {
			if err := tables.Describe([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range events {
			if err := tables.Apply([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		return tables.CompareRows("public.t", source)
	}
	if got := compare(t, events).Differences; len(got) > 0 {
		t.Fatalf("the good case: got %q, want no difference", got)
	}
	for i := range events {
		t.Run(fmt.Sprintf("event %d is lost", i), func(t *testing.T) {
			if i == 0 {
				return // its row was truncated: no table can tell
			}
			less := append(append([]string(nil), events[:i]...), events[i+1:]...)
			if len(compare(t, less).Differences) == 0 {
				t.Error("got no difference, want one")
			}
		})
		t.Run(fmt.Sprintf("the events from %d on come again", i), func(t *testing.T) {
			more := append(append([]string(nil), events...), events[i:]...)
			if got := compare(t, more).Differences; len(got) > 0 {
				t.Errorf("got %q, want no difference", got)
			}
		})
	}
}
