package main_test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A block is a fenced one of a document, with the text before it.
type block struct {
	before, language, text string
}

// A chapter is what stands below a heading of the second level.
func chapters(t *testing.T, path string) map[string][]block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]block{}
	var title string
	var b block
	inside := false
	for line := range strings.Lines(string(text)) {
		language, fence := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "```")
		switch heading, isHeading := strings.CutPrefix(line, "## "); {
		case inside && fence:
			all[title] = append(all[title], b)
			b, inside = block{}, false
		case inside:
			b.text += line
		case fence:
			b.language, inside = language, true
		case isHeading:
			title, b = strings.TrimSpace(heading), block{}
		default:
			b.before += line
		}
	}
	return all
}

// A reader is somebody who types a document's commands into a terminal.
type reader struct {
	t       *testing.T
	folder  string // with the programs that stand for those of the reader's machine
	out     *buffer
	in      io.Writer
	blocks  int
	running string // what was started and goes on; its output is in daemon.log
	restart func(*reader)
}

// follow does what a chapter says, as it stands there. restart is what the chapter
// means by starting the server again.
func follow(t *testing.T, chapter string, env map[string]string, programs map[string][]string, restart func(*reader)) {
	t.Helper()
	blocks := chapters(t, "../../docs/getting-started.md")[chapter]
	if len(blocks) == 0 {
		t.Fatalf("docs/getting-started.md has no blocks in the chapter %s", chapter)
	}
	r := &reader{t: t, folder: t.TempDir(), out: new(buffer), restart: restart}
	programs = maps.Clone(programs)
	if programs == nil {
		programs = map[string][]string{}
	}
	programs["sudo"] = []string{"sh", "-c", `echo "$@" >>` + r.folder + `/asked; if [ "$1" = tee ]; then cat >` + r.folder + `/written; fi`, "sudo"}
	for name, command := range programs {
		r.stands(name, command...)
	}
	shell := exec.CommandContext(t.Context(), "bash", "--norc")
	shell.Dir = t.TempDir()
	shell.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "TAILRACE_") || strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "MYSQL") || name == "PATH"
	})
	// Nobody else may listen where the daemon does by default.
	shell.Env = append(shell.Env, "TAILRACE_ADMIN=127.0.0.1:0", "PATH="+r.folder+":"+cmp.Or(env["GOBIN"], filepath.Dir(binary))+":"+os.Getenv("PATH"))
	for name, value := range env {
		shell.Env = append(shell.Env, name+"="+value)
	}
	if folder := env["PWD"]; folder != "" {
		shell.Dir = folder
	}
	shell.Stdout, shell.Stderr = r.out, r.out
	// Whatever it has started ends with it.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.in = in
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = shell.Wait() // ended with the test's context at the latest
	})
	r.types(`trap 'echo "FAILED: $BASH_COMMAND"' ERR`)
	r.reads(blocks)
	r.stop()
}

// stands makes command what the reader gets by a name.
func (r *reader) stands(name string, command ...string) {
	r.t.Helper()
	program, err := exec.LookPath(command[0]) // else it might find itself
	if err != nil {
		r.t.Fatal(err)
	}
	script := "#!/bin/sh\nexec"
	for _, part := range append([]string{program}, command[1:]...) {
		script += " '" + strings.ReplaceAll(part, "'", `'\''`) + "'"
	}
	if err := os.WriteFile(filepath.Join(r.folder, name), []byte(script+` "$@"`+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) reads(blocks []block) {
	r.t.Helper()
	var last, said string
	for _, b := range blocks {
		if strings.Contains(b.before, "Ctrl-C") {
			r.stop()
		}
		if b.language != "sh" {
			// A file may be looked at again until it holds what is expected.
			for deadline := time.Now().Add(patience); strings.HasPrefix(last, "cat ") && lacks(said, b.text) != "" && time.Now().Before(deadline); {
				said = r.types(last)
			}
			if line := lacks(said, b.text); line != "" {
				r.t.Errorf("after\n%s\nthe document has\n%s\nand the terminal shows\n%s", last, line, said)
			}
			continue
		}
		last = b.text
		if strings.HasPrefix(b.text, "tailrace run ") {
			r.start(b.text)
			continue
		}
		said = r.types(b.text)
		if strings.Contains(said, "FAILED: ") && !strings.HasPrefix(last, "cat ") {
			r.t.Fatalf("the document's commands\n%s\nfail:\n%s", b.text, said)
		}
		r.asked()
	}
}

// types runs commands and returns what the terminal shows of them.
func (r *reader) types(commands string) string {
	r.t.Helper()
	r.blocks++
	end := fmt.Sprintf("-- end of %d --", r.blocks)
	before := len(r.out.String())
	if _, err := fmt.Fprintf(r.in, "%s\necho; echo '%s'\n", strings.TrimSuffix(commands, "\n"), end); err != nil {
		r.t.Fatal(err)
	}
	var said string
	eventually.True(r.t, 3*patience, "the shell has run\n"+commands, func() bool {
		var ended bool
		said, _, ended = strings.Cut(r.out.String()[before:], "\n"+end+"\n")
		return ended
	})
	return said
}

// start runs the daemon as in a terminal of its own.
func (r *reader) start(command string) {
	r.t.Helper()
	r.running = strings.TrimSuffix(command, "\n")
	if strings.Contains(r.running, "\n") {
		r.t.Fatalf("a block that starts the daemon has more than that:\n%s", command)
	}
	r.types(r.running + ` >daemon.log 2>&1 & daemon=$!`)
	// The marker of types would end the wait for an empty log.
	eventually.True(r.t, patience, "the daemon says that it follows", func() bool {
		return strings.Contains(r.types("cat daemon.log"), "following")
	})
}

// stop ends the daemon as Ctrl-C does.
func (r *reader) stop() {
	r.t.Helper()
	if r.running == "" {
		return
	}
	if said := r.types(`kill -INT $daemon; wait $daemon; echo "exit code $?"`); !strings.Contains(said, "exit code 0") {
		r.t.Errorf("the end of %s: %s, want exit code 0; it said\n%s", r.running, said, r.types("cat daemon.log"))
	}
	r.running = ""
}

// asked does what the document has asked of the machine's administrator.
func (r *reader) asked() {
	r.t.Helper()
	path := filepath.Join(r.folder, "asked")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.Contains(string(text), "systemctl restart ") {
		r.restart(r)
	}
	if err := os.Remove(path); err != nil {
		r.t.Fatal(err)
	}
}

// settings returns those of the file that the document has written for a server.
func (r *reader) settings() map[string]string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.folder, "written"))
	if err != nil {
		r.t.Fatal(err)
	}
	settings := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+)\s*=\s*(\w+)$`).FindAllStringSubmatch(string(text), -1) {
		settings[m[1]] = m[2]
	}
	return settings
}

// lacks returns the first line of want that is not in got, in order; … stands for
// what differs from time to time.
func lacks(got, want string) string {
	rest := strings.Split(got, "\n")
	for line := range strings.Lines(want) {
		i := slices.IndexFunc(rest, func(l string) bool { return matches(l, strings.TrimSuffix(line, "\n")) })
		if i < 0 {
			return line
		}
		rest = rest[i+1:]
	}
	return ""
}

func matches(line, want string) bool {
	parts := strings.Split(want, "…")
	if !strings.HasPrefix(line, parts[0]) || !strings.HasSuffix(line, parts[len(parts)-1]) {
		return false
	}
	for _, part := range parts {
		i := strings.Index(line, part)
		if i < 0 {
			return false
		}
		line = line[i+len(part):]
	}
	return true
}

func TestGettingStartedInstalls(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	follow(t, "Install", map[string]string{"PWD": root, "GOBIN": t.TempDir()}, nil, nil)
}

func TestGettingStartedWithPostgres(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, map[string]string{"wal_level": "replica"})
		env := map[string]string{"PGHOST": server.Host, "PGPORT": fmt.Sprint(server.Port)}
		restarts := 0
		follow(t, "Postgres", env, nil, func(*reader) { server.Restart(t); restarts++ })
		if restarts != 1 {
			t.Errorf("the server was started again %d times, want once", restarts)
		}
	})
}

func TestGettingStartedWithMySQL(t *testing.T) {
	t.Parallel()
	// As MySQL has it where nothing is configured.
	server := servers.NewMySQL(t, local.MySQL97, map[string]string{"gtid-mode": "", "enforce-gtid-consistency": "", "binlog-format": "", "binlog-row-image": "", "binlog-row-metadata": ""})
	env := map[string]string{"MYSQL_HOST": server.Host, "MYSQL_TCP_PORT": fmt.Sprint(server.Port)}
	follow(t, "MySQL", env, map[string][]string{"mysql": append(server.Bin("mysql"), "--no-defaults", "--protocol=tcp")}, nil)
}

func TestGettingStartedWithMariaDB(t *testing.T) {
	t.Parallel()
	for _, product := range servers.MySQLProducts() {
		if !product.MariaDB() {
			continue
		}
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			// The server is one that is configured as the document says.
			restarts := 0
			start := func(r *reader) {
				restarts++
				settings := map[string]string{"log-bin": "", "binlog-format": "", "binlog-row-image": "", "binlog-row-metadata": ""}
				for name, value := range r.settings() {
					if name != "server_id" { // servers of tests are told apart by theirs
						settings[strings.ReplaceAll(name, "_", "-")] = value
					}
				}
				server := servers.NewMySQL(t, product, settings)
				r.stands("mariadb", append(server.Bin("mariadb"), "--no-defaults", "--protocol=tcp")...)
				r.types(fmt.Sprintf("export MYSQL_HOST=%s MYSQL_TCP_PORT=%d", server.Host, server.Port))
			}
			follow(t, "MariaDB", nil, nil, start)
			if restarts != 1 {
				t.Errorf("the server was started again %d times, want once", restarts)
			}
		})
	}
}

func TestGettingStartedWithAProvider(t *testing.T) {
	t.Parallel()
	for _, chapter := range []string{"RDS and Aurora", "Cloud SQL", "Azure"} {
		t.Run(chapter, func(t *testing.T) {
			t.Parallel()
			follow(t, chapter, nil, nil, nil)
		})
	}
}
