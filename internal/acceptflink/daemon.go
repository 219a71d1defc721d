package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tailrace/tailrace/internal/child"
)

// patience is how long the daemon may take to catch up.
const patience = 2 * time.Minute

// A daemon is the binary and where it works; its processes come and go.
type daemon struct {
	binary, folder, url string
}

// configure writes the configuration. Places are saved so rarely, but for exactly
// once, that a kill makes the daemon send much again.
func (d daemon) configure(name, schema, broker string, c contender) error {
	interval, checkpoint := "1m", "file://"+filepath.Join(d.folder, "checkpoint.json")
	if c.exactlyOnce {
		interval, checkpoint = "200ms", "kafka:"
	}
	text := fmt.Sprintf(`name: %s
source: {snapshot: never, tables: [%s.orders]}
publish: {url: "kafka://%s", create_topics: true, partition_by: %s, tombstones: true%s}
checkpoint: {url: "%s", interval: %s}
log: {format: json}
`, name, schema, broker, c.partitionBy, map[bool]string{true: ", exactly_once: true"}[c.exactlyOnce], checkpoint, interval)
	return os.WriteFile(d.config(), []byte(text), 0o600)
}

func (d daemon) config() string { return filepath.Join(d.folder, "tailrace.yaml") }
func (d daemon) log() string    { return filepath.Join(d.folder, "tailrace.log") }

// A process is one life of the daemon.
type process struct {
	cmd   *exec.Cmd
	ended chan error
}

// start starts the daemon. It dies with the calling program.
func (d daemon) start(args ...string) (*process, error) {
	log, err := os.OpenFile(d.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	cmd := exec.Command(d.binary, append([]string{"run", "--config", d.config()}, args...)...)
	cmd.Env = append(os.Environ(), "TAILRACE_SOURCE="+d.url)
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	return &process{cmd, ended}, nil
}

// kill ends a process as a crash would.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	return nil
}

// drain runs the daemon until everything is published that is in the log now.
func (d daemon) drain(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := d.start(append(args, "--until", "now")...)
	if err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("the daemon had to catch up and ended with %w; it said: %s", err, d.lastWords())
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("the daemon did not catch up: %w; it said: %s", ctx.Err(), d.lastWords()), p.kill())
	}
}

// lastWords returns the end of the daemon's log.
func (d daemon) lastWords() string {
	text, err := os.ReadFile(d.log())
	if err != nil {
		return err.Error()
	}
	return child.LastWords(text)
}
