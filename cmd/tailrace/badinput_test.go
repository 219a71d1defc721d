package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

// A refusal is a start that must not go on: one sentence that says what is
// wrong and what to do, the right exit code, and nothing changed.
type refusal struct {
	name    string // a sentence: what is wrong
	prepare func(t *testing.T, s *site)
	config  string // file in testdata; the site's if it is ""
	args    []string
	code    int
	want    string // the whole sentence, with the site's own words replaced
}

// refuse runs one row of a table.
func refuse(t *testing.T, r refusal, s *site) {
	t.Helper()
	if r.prepare != nil {
		r.prepare(t, s)
	}
	if r.config != "" {
		s.config = r.config
	}
	made := s.made(t)
	if got := s.normalize(s.refused(t, r.code, r.args...)); got != r.want {
		t.Errorf("sentence:\n got %s\nwant %s", got, r.want)
	}
	if got := s.made(t); got != made {
		t.Errorf("slots and publications: got %s, want %s as before", got, made)
	}
}

// refused runs the pipeline, which must end with the given code and leave
// everything as it was, and returns its sentence.
func (s *site) refused(t *testing.T, code int, args ...string) string {
	t.Helper()
	saved := s.saved(t)
	p := s.follow(t, args...)
	if got := p.wait(t); got != code {
		t.Errorf("exit code: got %d, want %d", got, code)
	}
	sentence := p.verdict(t)
	if got := p.stdout.String(); got != "" {
		t.Errorf("stdout: got %d bytes, want none", len(got))
	}
	if got := s.saved(t); got != saved {
		t.Errorf("checkpoint: got %q, want it as it was: %q", got, saved)
	}
	return sentence
}

// verdict returns the one sentence that the process ended with.
func (p *process) verdict(t *testing.T) string {
	t.Helper()
	stderr := p.stderr.String()
	for _, stack := range []string{"panic", "goroutine ", ".go:", "stacktrace"} {
		if strings.Contains(stderr, stack) {
			t.Errorf("stderr holds %q, which is not for users", stack)
		}
	}
	var verdicts []string
	for line := range strings.Lines(stderr) {
		switch text, ok := strings.CutPrefix(line, "tailrace: "); {
		case ok:
			verdicts = append(verdicts, strings.TrimSuffix(text, "\n"))
		case !strings.HasPrefix(line, "{"):
			t.Errorf("stderr has a line that is neither of the log nor the sentence: %q", line)
		}
	}
	for _, stopped := range p.lines(t, "stopped") {
		sentence, _ := stopped["error"].(string)
		verdicts = append(verdicts, sentence)
		if code, _ := stopped["exit_code"].(float64); int(code) != p.cmd.ProcessState.ExitCode() {
			t.Errorf("exit_code in the log: got %v, want that of the process", stopped["exit_code"])
		}
	}
	if len(verdicts) != 1 {
		t.Fatalf("sentences: got %d (%q), want one", len(verdicts), verdicts)
	}
	if strings.Contains(verdicts[0], "\n") {
		t.Errorf("the sentence has several lines: %q", verdicts[0])
	}
	quoted := strconv.Quote(verdicts[0])
	if n := strings.Count(stderr, verdicts[0]) + strings.Count(stderr, quoted); n > 2 {
		t.Errorf("the sentence is told %d times, want once", n)
	}
	return verdicts[0]
}

// saved returns the bytes of the checkpoint, or that there is none.
func (s *site) saved(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.checkpoint())
	if os.IsNotExist(err) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// made returns the slots and publications of the site's database.
func (s *site) made(t *testing.T) string {
	t.Helper()
	if s.db == nil {
		return ""
	}
	return fmt.Sprint(s.db.Rows(t, `SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE database = current_database()
		UNION ALL SELECT 'publication ' || pubname || ' of ' || coalesce(string_agg(tablename, ',' ORDER BY tablename), '')
		FROM pg_publication LEFT JOIN pg_publication_tables USING (pubname) GROUP BY pubname ORDER BY 1`))
}

var volatile = []struct {
	pattern *regexp.Regexp
	stand   string
}{
	{regexp.MustCompile(`\b[0-9A-F]+/[0-9A-F]+\b`), "LSN"},
	{regexp.MustCompile(`\b\d{18,20}\b`), "SYSTEM"},
	{regexp.MustCompile(`process \d+`), "process PID"},
	{regexp.MustCompile(`pid = \d+`), "pid = PID"},
	{regexp.MustCompile(`checksum is [0-9a-f]{16}, its contents have [0-9a-f]{16}`), "checksum is SUM, its contents have SUM"},
	{regexp.MustCompile(`events/\S+\.ndjson`), "events/FILE"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST:PORT"},
	{regexp.MustCompile(`\b\d{7} bytes`), "N bytes"},
}

// normalize replaces what differs from run to run.
func (s *site) normalize(sentence string) string {
	if s.db != nil {
		sentence = strings.NewReplacer(s.folder, "FOLDER", s.slot, "SLOT", s.user, "ROLE", s.name, "NAME").Replace(sentence)
	}
	for _, v := range volatile {
		sentence = v.pattern.ReplaceAllString(sentence, v.stand)
	}
	return sentence
}

// refuseAll runs a table on real servers of every version. The rows run side
// by side, each with a site of its own.
func refuseAll(t *testing.T, table []refusal) {
	t.Helper()
	for _, version := range servers.Versions() {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			for _, r := range table {
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					refuse(t, r, newSite(t, servers.Postgres(t, version)))
				})
			}
		})
	}
}
