package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/guard"
)

// A stage is the throw-away folder of a demo, and who plays in it.
type stage struct {
	dir   string
	guard *guard.Guard
	user  *syscall.Credential // of the inside; nil: this process's own
}

// newStage makes a stage. Its guard removes it when this process and the
// inside have ended, however that came about.
func newStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "tailrace-demo-")
	if err != nil {
		return nil, failure.StopFrom(err, "set TMPDIR to a folder that can be written to", "there is no place for the demo")
	}
	g, err := guard.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	s := &stage{dir: dir, guard: g}
	if err := s.furnish(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// own is the part of the stage that belongs to the inside.
func (s *stage) own(name string) string { return filepath.Join(s.dir, "own", name) }

func (s *stage) events() string { return s.own("events") }

// furnish makes the folders, and decides who the inside is.
func (s *stage) furnish() error {
	for _, name := range []string{"", "home", "tmp", "events"} {
		if err := os.Mkdir(s.own(name), 0o755); err != nil {
			return fmt.Errorf("make the demo's folders: %w", err)
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	s.user = nobody()
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return fmt.Errorf("make the demo's folders: %w", err)
	}
	for _, name := range []string{"", "home", "tmp", "events"} {
		if err := os.Chown(s.own(name), int(s.user.Uid), int(s.user.Gid)); err != nil {
			return failure.StopFrom(err, "run the demo as an ordinary user", "databases do not run as root, and nobody else can be given a folder")
		}
	}
	return nil
}

// nobody returns the user whom root runs the demo as.
func nobody() *syscall.Credential {
	const usual = 65534
	c := &syscall.Credential{Uid: usual, Gid: usual}
	u, err := user.Lookup("nobody")
	if err != nil {
		return c
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err1 == nil && err2 == nil {
		c.Uid, c.Gid = uint32(uid), uint32(gid)
	}
	return c
}

// program returns the path of this program where the inside can read it.
func (s *stage) program() (string, error) {
	self, err := os.Executable()
	if err != nil || s.user == nil {
		return self, err
	}
	from, err := os.Open(self)
	if err != nil {
		return "", err
	}
	defer from.Close()
	path := filepath.Join(s.dir, "tailrace")
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(to, from)
	return path, errors.Join(err, to.Chmod(0o755), to.Close())
}

// cache returns the folder that keeps PostgreSQL from demo to demo, or one on
// the stage if there can't be another.
func (s *stage) cache() string {
	base := "/var/cache"
	if s.user == nil {
		var err error
		if base, err = os.UserCacheDir(); err != nil {
			return s.own("cache")
		}
	}
	dir := filepath.Join(base, "tailrace", "demo")
	if os.MkdirAll(dir, 0o755) != nil {
		return s.own("cache")
	}
	if s.user != nil && os.Chown(dir, int(s.user.Uid), int(s.user.Gid)) != nil {
		return s.own("cache")
	}
	return dir
}

// run runs the inside to its end. When ctx ends it is told to stop; when this
// process ends without a word it ends at once.
func (s *stage) run(ctx context.Context, o demoOptions) error {
	program, err := s.program()
	if err != nil {
		return fmt.Errorf("copy this program: %w", err)
	}
	orders, order, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer order.Close()
	cmd := exec.Command(program, "demo", insideName,
		"--for", o.length.String(), "--rate", strconv.FormatFloat(o.rate, 'g', -1, 64),
		"--source", o.source, "--own", s.own(""), "--cache", s.cache())
	cmd.Dir = s.own("")
	cmd.Env = append(os.Environ(), "HOME="+s.own("home"), "TMPDIR="+s.own("tmp"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = orders, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{s.guard.Held} // descriptor 3: the guard waits for both of us
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	err = cmd.Start()
	_ = orders.Close() // the inside has its own
	if err != nil {
		return failure.StopFrom(err, "set TMPDIR to a folder that every user may enter and that may hold programs", "the demo could not start")
	}
	defer context.AfterFunc(ctx, func() { _, _ = io.WriteString(order, "stop\n") })()
	return endedAs(cmd.Wait())
}

// close makes the guard act and waits until nothing is left.
func (s *stage) close() error { return s.guard.Release() }
