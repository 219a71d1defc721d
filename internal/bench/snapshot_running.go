package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/child"
)

// A running is tailrace, until it is told to stop.
type running struct {
	cmd   *exec.Cmd
	said  bytes.Buffer
	begun time.Time
	gone  chan struct{} // closed when it has ended
	err   error         // how; to be read once it has
}

// begin starts tailrace with a configuration.
func (b *bench) begin(ctx context.Context, dir, config string, args ...string) (*running, error) {
	file := filepath.Join(dir, "tailrace.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, b.binary, append([]string{"run", "-c", file}, args...)...)
	return start(cmd)
}

// start starts a program that runs until it is told to stop.
func start(cmd *exec.Cmd) (*running, error) {
	d := &running{cmd: cmd, begun: time.Now(), gone: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &d.said, &d.said
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	go func() {
		d.err = <-ended
		close(d.gone)
	}()
	return d, nil
}

// stop ends the program as a service manager does, and returns what it took. exit
// is with what it may end.
func (d *running) stop(exit int) (usage, error) {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	<-d.gone
	if d.cmd.ProcessState.ExitCode() != exit {
		return usage{}, fmt.Errorf("%s: %w: %s", filepath.Base(d.cmd.Path), d.err, d.words())
	}
	return used(d.cmd.ProcessState, time.Since(d.begun))
}

// kill ends the program at once, whatever it is at.
func (d *running) kill() {
	_ = d.cmd.Process.Kill() // it may be gone
	<-d.gone
}

// words are the last that a program wrote. It ends for that.
func (d *running) words() string {
	d.kill()
	return child.LastWords(d.said.Bytes())
}
