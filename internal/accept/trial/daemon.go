package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/child"
	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

// patience is how long the daemon may take for what it has to do: to stop, or
// to catch up. It includes the start of a broker on a busy machine.
const patience = 2 * time.Minute

// A daemon is the binary and where it works; its processes come and go.
type daemon struct {
	binary, url, folder, log string

	kind     workload.Kind
	database string // MySQL: the only one that it captures; else the schema
	files    bool   // MySQL: positions are made of files

	sink     *sink
	patience time.Duration
}

// checkpoint returns the path of the checkpoint, "" if it is in Kafka.
func (d *daemon) checkpoint() string {
	if d.sink.setup.ExactlyOnce {
		return ""
	}
	return filepath.Join(d.folder, "checkpoint.json")
}

// A process is one life of the daemon.
type process struct {
	cmd   *exec.Cmd
	said  int64 // size of the log when it began
	ended chan error
}

// start starts the daemon. It dies with the calling program.
func (d *daemon) start(hurry bool, args ...string) (*process, error) {
	log, err := os.OpenFile(d.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has a descriptor of its own
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	all := append([]string{"run", "--name", name, "--snapshot", "never", "--log-format", "json"}, d.sink.flags()...)
	if path := d.checkpoint(); path != "" {
		all = append(all, "--checkpoint", "file:"+path)
	}
	if d.kind != workload.Postgres {
		all = append(all, "--table", d.database+".*")
	}
	env := append(os.Environ(), d.sink.environment()...)
	env = append(env, "TAILRACE_SOURCE="+d.url)
	if hurry {
		all = append(all, "--config", d.configFile(hurried))
		env = append(env, "GOMAXPROCS=4")
	} else {
		all = append(all, "--config", d.configFile(calm))
	}
	cmd := exec.Command(d.binary, append(all, args...)...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := child.Start(cmd)
	if err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	return &process{cmd: cmd, said: info.Size(), ended: ended}, nil
}

// calm and hurried are the configurations. Under the second, places are saved
// all the time and there is little memory. Such lives also encode on several
// goroutines, which a small machine would not by itself.
const (
	calm    = "calm"
	hurried = "hurried"
)

// configure writes the configuration files.
func (d *daemon) configure() error {
	text := d.sink.config()
	if d.files {
		text += "source: {mysql: {positions: file}}\n"
	}
	interval := "10ms"
	if d.sink.setup.ExactlyOnce {
		interval = "100ms" // a transaction each time
	}
	for name, more := range map[string]string{calm: "", hurried: "checkpoint: {interval: " + interval + "}\nlimits: {memory: 16MiB}\n"} {
		if err := os.WriteFile(d.configFile(name), []byte(text+more), 0o644); err != nil {
			return fmt.Errorf("trial: %w", err)
		}
	}
	return nil
}

func (d *daemon) configFile(name string) string { return filepath.Join(d.folder, name+".yaml") }

// inside reports whether the saved place is inside a transaction: some of its
// rows are published, and must be left out when it is read again. A place in
// Kafka is not looked at.
func (d *daemon) inside() (bool, error) {
	if d.checkpoint() == "" {
		return false, nil
	}
	text, err := os.ReadFile(d.checkpoint())
	if err != nil {
		return false, fmt.Errorf("trial: %w", err)
	}
	var doc struct {
		State struct {
			Bound uint64 `json:"bound"`
			Ver   string `json:"ver"`
		} `json:"state"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return false, &verify.Violation{What: "the checkpoint can't be read: " + err.Error()}
	}
	_, rest, _ := strings.Cut(doc.State.Ver, "/")
	commit, _, _ := strings.Cut(rest, "/")
	return commit >= fmt.Sprintf("%016x", doc.State.Bound), nil
}

// drain runs the daemon until everything is published that is in the log now.
func (d *daemon) drain(ctx context.Context, args ...string) error {
	p, err := d.start(false, append(args, "--until", "now")...)
	if err != nil {
		return err
	}
	return d.orderly(ctx, p, "catch up")
}

// orderly waits until the process has done what it does and ended with 0.
func (d *daemon) orderly(ctx context.Context, p *process, doing string) error {
	timer := time.NewTimer(d.patience)
	defer timer.Stop()
	select {
	case err := <-p.ended:
		if err != nil {
			return &verify.Violation{What: fmt.Sprintf("the daemon had to %s and ended with %v; it said: %s", doing, err, d.lastWords(p))}
		}
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill() // it is a failure already
		<-p.ended
		return &verify.Violation{What: fmt.Sprintf("the daemon did not %s within %v; it said: %s", doing, d.patience, d.lastWords(p))}
	case <-ctx.Done():
		_ = p.cmd.Process.Kill() // nobody asks any more
		<-p.ended
		return ctx.Err()
	}
}

// kill ends the process as a crash would.
func (d *daemon) kill(p *process) error {
	if err := p.cmd.Process.Kill(); err != nil {
		return d.gone(p, <-p.ended)
	}
	err := <-p.ended
	if s := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() {
		return d.gone(p, err)
	}
	return nil
}

// gone says that the process ended by itself.
func (d *daemon) gone(p *process, err error) error {
	return &verify.Violation{What: fmt.Sprintf("the daemon ended by itself (%v); it said: %s", err, d.lastWords(p))}
}

// terminate asks the process to end and waits until it has. early says that it
// was too young to hear: it had said nothing, and the signal's own effect ended
// it.
func (d *daemon) terminate(ctx context.Context, p *process) (early bool, err error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return false, d.gone(p, <-p.ended)
	}
	err = d.orderly(ctx, p, "stop")
	s := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if s.Signaled() && s.Signal() == syscall.SIGTERM && d.lastWords(p) == "" {
		return true, nil
	}
	return false, err
}

// lastWords returns the end of what the process has logged.
func (d *daemon) lastWords(p *process) string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return child.LastWords(text[min(p.said, int64(len(text))):])
}

// published returns how much of events there is.
func (d *daemon) published(ctx context.Context) (int64, error) {
	return d.sink.length(ctx, name+"."+d.database+".")
}

// saved returns what grows when the checkpoint is saved: in Kafka a record of
// progress goes before each.
func (d *daemon) saved(ctx context.Context) (int64, error) {
	path := d.checkpoint()
	if path == "" {
		return d.sink.length(ctx, name+".progress-")
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, nil // there is none yet
	}
	return info.ModTime().UnixNano(), nil
}
