package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/child"
)

// pipeline is the name of the pipeline.
const pipeline = "faults"

// What the daemon may take beside the memory that it may hold: for its program, for
// what its runtime has not collected yet, and for the buffers of its connections.
// And by how much it may grow in the second half of a fault.
const (
	allowance = 96 << 20
	growth    = 8 << 20
)

// patience is how long the daemon may take to stop or to catch up when nothing is
// wrong.
const patience = 2 * time.Minute

// A daemon is the binary and where it works.
type daemon struct {
	binary, folder, source, tables string
	seeds                          []string
	memory                         int64 // bytes that it may hold
	exactlyOnce                    bool
}

func (d *daemon) log() string { return filepath.Join(d.folder, "tailrace.log") }

// A process is one run of the daemon.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // how, set before
}

// start starts the daemon. It dies with the calling program.
func (d *daemon) start(args ...string) (*process, error) {
	config := filepath.Join(d.folder, "tailrace.yaml")
	text := "publish: {create_topics: true}\n"
	checkpoint := "file:" + filepath.Join(d.folder, "checkpoint.json")
	if d.exactlyOnce {
		text, checkpoint = "publish: {create_topics: true, exactly_once: true}\n", "kafka:"
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(d.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	cmd := exec.Command(d.binary, append([]string{
		"run", "--config", config, "--name", pipeline, "--snapshot", "never", "--table", d.tables,
		"--publish", "kafka://" + strings.Join(d.seeds, ","), "--checkpoint", checkpoint,
		"--memory", strconv.FormatInt(d.memory, 10), "--log-format", "json",
	}, args...)...)
	cmd.Env = append(os.Environ(), "TAILRACE_SOURCE="+d.source)
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = <-ended
		close(p.ended)
	}()
	return p, nil
}

// drain runs the daemon until everything is published that is in the log now.
func (d *daemon) drain(ctx context.Context, args ...string) error {
	p, err := d.start(append(args, "--until", "now")...)
	if err != nil {
		return err
	}
	return d.orderly(ctx, p, "catch up")
}

// stop asks the process to end, and waits until it has.
func (d *daemon) stop(ctx context.Context, p *process) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	return d.orderly(ctx, p, "stop")
}

// orderly waits until the process has ended with 0.
func (d *daemon) orderly(ctx context.Context, p *process, doing string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.ended:
		if p.err != nil {
			return d.gone(p.err)
		}
		return nil
	case <-ctx.Done():
		d.kill(p)
		return fmt.Errorf("the daemon had to %s and did not: %w; it said: %s", doing, ctx.Err(), d.lastWords())
	}
}

// kill ends a process that nobody needs any more.
func (d *daemon) kill(p *process) {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// gone says that the process ended when it should not.
func (d *daemon) gone(err error) error {
	return fmt.Errorf("the daemon ended (%v); it said: %s", err, d.lastWords())
}

// lastWords returns the end of what the daemon has logged.
func (d *daemon) lastWords() string {
	text, err := os.ReadFile(d.log())
	if err != nil {
		return err.Error()
	}
	return child.LastWords(text)
}

// lives returns how often the daemon has begun again at its saved place, which may
// send something again.
func (d *daemon) lives() (int, error) {
	text, err := os.ReadFile(d.log())
	return bytes.Count(text, []byte("starting again from the saved state")), err
}

// rss returns the resident memory of a process in bytes, as proc(5) says it.
func rss(p *process) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("statm holds %q", text)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
