package deploytest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

const (
	password = "canary-password"
	patience = 2 * time.Minute
)

// mountPoints says where the folders of a container's mounts are in the image.
var mountPoints = map[string]string{"config": "/etc/tailrace", "spill": spill, "state": "/var/lib/tailrace"}

// A container is the image as it is run: as process 1, read-only, as the Dockerfile's
// user, without capabilities, and with nothing writable but its mounts. There is no /proc, /dev and
// /sys either, which a real one has.
type container struct {
	env    []string
	root   string
	mounts string
}

func newContainer(t *testing.T, config string, env ...string) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a root file system")
	}
	c := &container{env: append(env, lastStage(t).env...), root: t.TempDir(), mounts: t.TempDir()}
	for name := range mountPoints {
		dir := filepath.Join(c.mounts, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if name == "config" {
			continue
		}
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.mounts, "config", "tailrace.yaml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return c
}

// command runs the program in the image.
func (c *container) command(t *testing.T, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	bundle := certificates
	if _, err := os.Stat(bundle); errors.Is(err, fs.ErrNotExist) {
		bundle = filepath.Join(t.TempDir(), "none.crt")
		if err := os.WriteFile(bundle, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append([]string{enter, binary, bundle, c.root, c.mounts}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID}
	cmd.Env = c.env
	out := new(output)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// An output is what a process wrote, which may still be at it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run runs the program to its end.
func (c *container) run(t *testing.T, want int, args ...string) string {
	t.Helper()
	cmd, out := c.command(t, args...)
	err := cmd.Run()
	if ended := new(exec.ExitError); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("tailrace %s: got exit code %d, want %d:\n%s", strings.Join(args, " "), got, want, out)
	}
	return out.String()
}

// A daemon is a program that runs in the image until it is stopped.
type daemon struct {
	cmd   *exec.Cmd
	out   *output
	ended chan error
}

func (c *container) start(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{ended: make(chan error, 1)}
	d.cmd, d.out = c.command(t, args...)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("output of tailrace:\n%s", d.out)
		}
	})
	return d
}

// stop ends the daemon as an orchestrator does.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-d.ended; err != nil {
		t.Fatalf("after SIGTERM: got %v, want exit code 0", err)
	}
}

func TestTheProgramNeedsNothingButTheImage(t *testing.T) {
	t.Parallel()
	db := servers.Postgres(t, 18)
	role := db.Role(t, password, "REPLICATION")
	db.Exec(t, fmt.Sprintf(`CREATE TABLE orders (id int PRIMARY KEY);
		ALTER TABLE orders OWNER TO %s; GRANT CREATE ON DATABASE %s TO %[1]s`, role, db.Name))
	admin := freeAddress(t)
	c := newContainer(t, fmt.Sprintf(`
name: %[1]s
source:
  url: postgres://%[2]s:${env:DB_PASSWORD}@127.0.0.1:%[3]d/%[1]s?sslmode=disable
  tables: [public.orders]
  snapshot: never
publish: {url: "file:///var/lib/tailrace/events"}
checkpoint: {url: "file:///var/lib/tailrace/{name}.json", interval: 50ms}
admin: {listen: "%[4]s"}
`, db.Name, role, db.Port, admin), "DB_PASSWORD="+password)

	if got := c.run(t, 0, "version"); !strings.Contains(got, "tailrace") {
		t.Errorf("version: got %q, want the name of the program", got)
	}

	c.run(t, 0, "check", "-c", "/etc/tailrace/tailrace.yaml")

	args := lastStage(t).cmd
	follow := c.start(t, append(args, "--from", "now")...)
	eventually.NoError(t, patience, "/readyz answers 200", func() error { return ready(admin) })
	rights(t, follow.cmd.Process.Pid)
	if got := c.run(t, 0, "status", "--live", "--admin", admin); got != "" {
		t.Errorf("status --live: got %q, want nothing", got)
	}

	db.Exec(t, "INSERT INTO orders VALUES (1)")
	events := filepath.Join(c.mounts, "state", "events", db.Name+".public.orders.ndjson")
	eventually.True(t, patience, "the event is there", func() bool {
		text, err := os.ReadFile(events)
		return err == nil && bytes.HasSuffix(text, []byte("\n"))
	})
	follow.stop(t)
	if _, err := os.Stat(filepath.Join(c.mounts, "state", db.Name+".json")); err != nil {
		t.Errorf("the checkpoint: got %v, want a file", err)
	}
	if got := c.run(t, 1, "status", "--live", "--admin", admin); !strings.Contains(got, admin) {
		t.Errorf("status --live after the end: got %q, want the address that nobody answers at", got)
	}
}

func TestAPlaceThatCannotBeWrittenIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	db := servers.Postgres(t, 18)
	role := db.Role(t, password, "REPLICATION")
	db.Exec(t, fmt.Sprintf(`CREATE TABLE orders (id int PRIMARY KEY);
		ALTER TABLE orders OWNER TO %s; GRANT CREATE ON DATABASE %s TO %[1]s`, role, db.Name))
	c := newContainer(t, fmt.Sprintf(`
name: %[1]s
source: {url: "postgres://%[2]s:%[3]s@127.0.0.1:%[4]d/%[1]s?sslmode=disable", snapshot: never}
publish: {url: "discard:"}
admin: {listen: "off"}
`, db.Name, role, password, db.Port))
	// The default, beside the program.
	if got := c.run(t, 4, "run", "-c", "/etc/tailrace/tailrace.yaml", "--from", "now"); !strings.Contains(got, "read-only") {
		t.Errorf("got %q, want the reason that the file system is read-only", got)
	}
}

// rights fails unless the process is the image's user's and can't become another.
func rights(t *testing.T, pid int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	const none = "0000000000000000"
	for name, want := range map[string]string{
		"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532", "Groups": "",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1",
	} {
		if got := fields[name]; got != want {
			t.Errorf("%s of the process: got %q, want %q", name, got, want)
		}
	}
}

func ready(address string) error {
	resp, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close() // only the status counts
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s", resp.Status)
	}
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // so that the daemon gets it
	return l.Addr().String()
}
