package siege

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/child"
	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/walk"
	"github.com/tailrace/tailrace/internal/workload"
)

// daemonItself stands in place of a table in a Violation that the daemon itself shows.
const daemonItself = "daemon"

func (s *siege) checkpoint() string { return filepath.Join(s.cfg.Folder, "checkpoint.json") }
func (s *siege) log() string        { return filepath.Join(s.cfg.Folder, "tailrace.log") }

// slow is how many rows per second let the copy last about as long as the kills.
func (s *siege) slow() int {
	rows := len(walk.Tables(s.kind)) * s.cfg.Rows
	return max(500, int(float64(rows)/max(1, s.cfg.Length.Seconds()*0.8)))
}

// configure writes the daemon's configuration: small chunks, little memory, and so many
// rows per second, 0 for as many as it can.
func (s *siege) configure(rate int) error {
	text := fmt.Sprintf("snapshot: {connections: 3, chunk: 100ms, rows_per_second: %d}\nlimits: {memory: 16MiB}\ncheckpoint: {interval: 50ms}\n", rate)
	if s.cfg.Broker != "" {
		text += "publish: {create_topics: true}\n"
	}
	if err := os.WriteFile(filepath.Join(s.cfg.Folder, "tailrace.yaml"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("siege: %w", err)
	}
	return nil
}

// A process is one life of the daemon.
type process struct {
	cmd   *exec.Cmd
	log   string
	said  int64 // size of the log when it began
	ended chan error
}

// start starts the daemon. It dies with the calling program.
func (s *siege) start(args ...string) (*process, error) {
	log, err := os.OpenFile(s.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("siege: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("siege: %w", err)
	}
	all := []string{
		"run", "--name", name, "--snapshot", "initial", "--log-format", "json", "--checkpoint", "file:" + s.checkpoint(),
		"--config", filepath.Join(s.cfg.Folder, "tailrace.yaml"),
	}
	if s.cfg.Broker == "" {
		all = append(all, "--publish", "file://"+s.events)
	} else {
		all = append(all, "--publish", "kafka://"+s.cfg.Broker, "--partition-by", s.cfg.PartitionBy)
	}
	if s.kind != workload.Postgres {
		all = append(all, "--table", s.schema+".*")
	}
	cmd := exec.Command(s.cfg.Binary, append(all, args...)...)
	cmd.Env = append(os.Environ(), "TAILRACE_SOURCE="+s.cfg.URL)
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("siege: %w", err)
	}
	return &process{cmd: cmd, log: s.log(), said: info.Size(), ended: ended}, nil
}

// drain runs the daemon until everything is published that is in the log now.
func (s *siege) drain(ctx context.Context) error {
	p, err := s.start("--until", "now")
	if err != nil {
		return err
	}
	return p.wait(ctx, "catch up")
}

// orderly asks the process to end, and waits until it has.
func (s *siege) orderly(ctx context.Context, p *process) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return p.gone(<-p.ended)
	}
	return p.wait(ctx, "stop")
}

// wait waits until the process has ended with 0.
func (p *process) wait(ctx context.Context, doing string) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-p.ended:
		if err != nil {
			return &oracle.Violation{Table: daemonItself, What: fmt.Sprintf("it had to %s and ended with %v; it said: %s", doing, err, p.lastWords())}
		}
		return nil
	case <-timer.C:
		p.abandon()
		return &oracle.Violation{Table: daemonItself, What: fmt.Sprintf("it did not %s within %v; it said: %s", doing, patience, p.lastWords())}
	case <-ctx.Done():
		p.abandon()
		return context.Cause(ctx)
	}
}

// kill ends the process as a crash would.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return p.gone(<-p.ended)
	}
	err := <-p.ended
	if s := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() {
		return p.gone(err)
	}
	return nil
}

// abandon ends a process that nobody asks any more.
func (p *process) abandon() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// gone says that the process has ended by itself.
func (p *process) gone(err error) error {
	return &oracle.Violation{Table: daemonItself, What: fmt.Sprintf("it ended by itself (%v); it said: %s", err, p.lastWords())}
}

// lastWords returns the end of what the process has logged.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return child.LastWords(text[min(p.said, int64(len(text))):])
}

// until polls until come returns true, which the process has to live to see.
func (p *process) until(ctx context.Context, limit time.Duration, doing string, come func() (bool, error)) error {
	var failed error
	came := false
	err := p.within(ctx, limit, func() bool {
		came, failed = come()
		return came || failed != nil
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case came:
		return nil
	case len(p.ended) > 0:
		end := <-p.ended
		p.ended <- end
		return p.gone(end)
	}
	return &oracle.Violation{Table: daemonItself, What: fmt.Sprintf("it did not %s within %v; it said: %s", doing, limit, p.lastWords())}
}

// within polls until come returns true, the process ends, or the time is up.
func (p *process) within(ctx context.Context, limit time.Duration, come func() bool) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) && len(p.ended) == 0 && !come() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// saved returns what changes when the checkpoint is saved.
func (s *siege) saved() int64 {
	info, err := os.Stat(s.checkpoint())
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// left returns how many tables are not copied yet, by the checkpoint.
func (s *siege) left() (int, error) {
	all := len(walk.Tables(s.kind))
	text, err := os.ReadFile(s.checkpoint())
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return 0, fmt.Errorf("siege: %w", err)
	}
	var doc struct {
		State struct {
			Snapshot struct {
				Copied []string          `json:"copied"`
				Copies []json.RawMessage `json:"copies"`
			} `json:"snapshot"`
		} `json:"state"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return 0, &oracle.Violation{Table: daemonItself, What: "the checkpoint can't be read: " + err.Error()}
	}
	return max(all-len(doc.State.Snapshot.Copied), len(doc.State.Snapshot.Copies)), nil
}
