package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

const (
	// password is that of every role here. It must show up nowhere.
	password = "canary-password"
	// rowValue is in the rows of every table here. It must show up in events only.
	rowValue = "canary-value"
	// patience bounds whatever a test waits for, on a busy machine.
	patience = time.Minute
)

// binary is the path of the program under test, as users get it.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait for other processes much more than they work, some for
	// half a minute, so more of them run side by side than there are cores.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tailrace-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tailrace")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tailrace: %v: %s", err, out)
		return 1
	}
	return m.Run()
}

// A site is a database with one table, public.orders, a role with the least
// privileges for it, and a folder for a pipeline's files. config describes it
// through the variables of env.
type site struct {
	db     *servers.Database
	user   string
	name   string // of the pipeline
	slot   string // and of the publication
	folder string
	env    map[string]string
	config string // file in testdata
	topic  string // of its table
}

func newSite(t *testing.T, db *servers.Database) *site {
	t.Helper()
	s := &site{db: db, user: db.Role(t, password, "REPLICATION"), name: db.Name, slot: "tailrace_" + db.Name, folder: t.TempDir()}
	s.config, s.topic = "tailrace.yaml", s.name+".public.orders"
	db.Exec(t, fmt.Sprintf(`CREATE TABLE orders (id int PRIMARY KEY, note text);
		INSERT INTO orders VALUES (0, '%s');
		ALTER TABLE orders OWNER TO %s; GRANT CREATE ON DATABASE %s TO %[2]s`, rowValue, s.user, db.Name))
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "DB_USER": s.user, "DB_PASSWORD": password,
		"DB_PORT": fmt.Sprint(db.Port), "DB_NAME": db.Name,
	}
	return s
}

func (s *site) source() string     { return s.db.URLAs(s.user, password) }
func (s *site) checkpoint() string { return filepath.Join(s.folder, "checkpoint.json") }
func (s *site) events() string     { return filepath.Join(s.folder, "events") }

// insert adds rows with the ids from first to last, each in a transaction of
// its own.
func (s *site) insert(t *testing.T, first, last int) {
	t.Helper()
	s.db.Exec(t, fmt.Sprintf(`DO $$ BEGIN FOR i IN %d..%d LOOP INSERT INTO orders VALUES (i, '%s'); COMMIT; END LOOP; END $$`, first, last, rowValue))
}

// establish runs the pipeline once from now, so that it has a checkpoint, a
// slot and a publication.
func (s *site) establish(t *testing.T) {
	t.Helper()
	s.follow(t, "--from", "now", "--until", "now").succeeds(t)
}

// state reads the checkpoint.
func (s *site) state(t *testing.T) checkpoint.State {
	t.Helper()
	text, err := os.ReadFile(s.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	st, err := checkpoint.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// alter rewrites the checkpoint.
func (s *site) alter(t *testing.T, change func(*checkpoint.State)) {
	t.Helper()
	st := s.state(t)
	change(&st)
	text, err := st.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, s.checkpoint(), string(text))
}

func (s *site) moveCheckpointAway(t *testing.T) {
	t.Helper()
	if err := os.Rename(s.checkpoint(), s.checkpoint()+".old"); err != nil {
		t.Fatal(err)
	}
}

func (s *site) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ids returns the ids of the rows in the event files, in order of arrival, and
// fails if any event is not that of an insert into orders.
func (s *site) ids(t *testing.T) []int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.events(), s.topic+".ndjson"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return idsOf(t, string(text))
}

// idsOf reads whole lines; what follows the last one is not there yet.
func idsOf(t *testing.T, text string) []int {
	t.Helper()
	var ids []int
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var e struct {
			Op    string
			After struct{ ID int }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Op != "c" {
			t.Fatalf("an event is not that of an insert: op %q, %v", e.Op, err)
		}
		ids = append(ids, e.After.ID)
	}
	return ids
}

// wantIDs fails unless got is first to last, each once and in order.
func wantIDs(t *testing.T, got []int, first, last int) {
	t.Helper()
	want := []int{}
	for i := first; i <= last; i++ {
		want = append(want, i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("events: got %d (%.200s), want the rows %d to %d once and in order", len(got), fmt.Sprint(got), first, last)
	}
}

// command returns tailrace with the given arguments in the site's environment
// and nothing else of Tailrace's.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TAILRACE_") })
	cmd.Env = append(cmd.Env, "TAILRACE_ADMIN=off") // of many that run at once, one would have the port
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// A process is a running tailrace.
type process struct {
	cmd    *exec.Cmd
	stdout buffer
	stderr buffer
	ended  chan struct{}
}

// start runs tailrace until it ends by itself or the test does.
func (s *site) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := new(process)
	return p.begin(t, s.command(t.Context(), args...), &p.stdout)
}

// begin starts cmd as p. A stdout that is an *os.File is given to it as it is, and a
// stderr that is set stays.
func (p *process) begin(t *testing.T, cmd *exec.Cmd, stdout io.Writer) *process {
	t.Helper()
	p.cmd, p.ended = cmd, make(chan struct{})
	cmd.Stdout = stdout
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its exit code is looked at by those who want it
		close(p.ended)
	}()
	t.Cleanup(func() { // t's context has ended and with it the process
		<-p.ended
		if t.Failed() {
			t.Logf("stderr of tailrace:\n%s", p.stderr.String())
		}
		p.hidesSecrets(t)
	})
	return p
}

// follow runs `tailrace run` with the site's configuration.
func (s *site) follow(t *testing.T, args ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"run", "-c", "testdata/" + s.config}, args...)...)
}

// following waits for the start line and returns its fields.
func (p *process) following(t *testing.T) map[string]any {
	t.Helper()
	p.logs(t, "following")
	return p.lines(t, "following")[0]
}

// logs waits for a line of the log with the given message.
func (p *process) logs(t *testing.T, message string) {
	t.Helper()
	eventually.True(t, patience, fmt.Sprintf("the log says %q", message), func() bool {
		return len(p.lines(t, message)) > 0
	})
}

// lines returns the lines of the log with the given message.
func (p *process) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(p.stderr.String()) {
		var fields map[string]any
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "\n") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("a line of the log is not JSON: %v", err)
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait returns the exit code once the process has ended.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(2 * patience):
		t.Fatal("tailrace did not end")
		return 0
	}
}

// exits fails unless the process ends with the given code.
func (p *process) exits(t *testing.T, want int) {
	t.Helper()
	if got := p.wait(t); got != want {
		t.Fatalf("exit code: got %d, want %d", got, want)
	}
}

func (p *process) succeeds(t *testing.T) { t.Helper(); p.exits(t, 0) }

// stop ends the process as a container's end would.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.succeeds(t)
}

// hidesSecrets fails if the password or a row's value is in what the process
// wrote about itself.
func (p *process) hidesSecrets(t *testing.T) {
	t.Helper()
	for _, secret := range []string{password, rowValue} {
		if strings.Contains(p.stderr.String(), secret) {
			t.Errorf("stderr shows %s", secret)
		}
	}
	if strings.Contains(p.stdout.String(), password) {
		t.Errorf("stdout shows %s", password)
	}
}

// A buffer may be read while a process writes to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
