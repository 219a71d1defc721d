package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/guard"
)

// startLimit bounds a start on a busy machine, recovery after Kill included.
const startLimit = 2 * time.Minute

// An instance is what every server of this package is: a process with a folder of
// its own, which goes away with this program however that ends. Its methods may
// be called from any goroutine, one at a time.
type instance struct {
	name  string // for errors
	dir   string // holds the data folder and the log
	guard *guard.Guard
	user  *syscall.Credential // nil: that of this program

	// What the product adds, set before the first start.
	command []string
	greet   func(context.Context) error // nil once the server takes requests and is the one that was started
	asks    syscall.Signal              // for an orderly shutdown
	quits   syscall.Signal              // for one that does not take its time

	mu  sync.Mutex
	run *run // nil while the server is shut down
}

// A run is one life of a server.
type run struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed once the server has ended
}

// newInstance makes the folder, which belongs to the server's user. kind is a part
// of the folder's name.
func newInstance(name, kind string) (*instance, error) {
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailrace-"+kind+"-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", name, err)
	}
	guarded, err := guard.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	p := &instance{name: name, dir: dir, guard: guarded, user: user, asks: syscall.SIGTERM, quits: syscall.SIGKILL}
	if user != nil {
		if err := os.Chown(dir, int(user.Uid), int(user.Gid)); err != nil {
			return nil, errors.Join(fmt.Errorf("give %s its folder: %w", name, err), guarded.Release())
		}
	}
	return p, nil
}

// copyData makes the data folder. It is copied by cp, as the server's user, to
// whom the copies then belong.
func (p *instance) copyData(ctx context.Context, pristine, to string) error {
	// Most of it is zeros, which need not be written.
	cmd := exec.CommandContext(ctx, "cp", "-R", "--sparse=always", pristine, to)
	cmd.Dir = p.dir
	cmd.SysProcAttr = p.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder of %s: %w: %s", p.name, err, out)
	}
	return nil
}

// attributes makes a child run as the server's user, out of reach of a Ctrl-C
// that is meant for this program.
func (p *instance) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: p.user, Setpgid: true}
}

// firstStart starts the server on ports that listen finds. Between the two
// another program can take one, so it tries again with others.
func (p *instance) firstStart(ctx context.Context, listen func() error) error {
	for attempt := 1; ; attempt++ {
		if err := listen(); err != nil {
			return err
		}
		err := p.Start(ctx)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

// Start starts a server that Stop or Kill ended, on the same ports with the same
// data and settings, and returns when it takes requests.
func (p *instance) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return fmt.Errorf("start %s: it is running", p.name)
	}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	r := &run{cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in the log, which answers quote
		close(r.gone)
	}()
	if err := p.ready(ctx, r); err != nil {
		err = errors.Join(err, signal(cmd.Process.Pid, p.quits))
		<-r.gone
		return err
	}
	p.run = r
	return nil
}

// ready waits until the server takes requests.
func (p *instance) ready(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := p.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-r.gone:
			return fmt.Errorf("start %s: it ended: %s", p.name, p.log())
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w: %w: %s", p.name, ctx.Err(), err, p.log())
		}
	}
}

// Stop shuts the server down in an orderly way, as its service would. It ends
// with the context's error when the server waits for somebody.
func (p *instance) Stop(ctx context.Context) error {
	return p.with("stop", func(pid int) error {
		if err := signal(pid, p.asks); err != nil {
			return err
		}
		select {
		case <-p.run.gone:
			p.run = nil
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", ctx.Err(), p.log())
		}
	})
}

// Kill ends every process of the server at once with SIGKILL, as a crash of the
// machine would. Start brings it back, through recovery, with all that was
// committed or acknowledged.
func (p *instance) Kill() error {
	return p.with("kill", func(pid int) error {
		// Stopped processes have no children that nobody has seen.
		if err := signalFamily(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		family, err := children(pid)
		if err != nil {
			return err
		}
		for _, member := range append(family, pid) {
			if err := signal(member, syscall.SIGKILL); err != nil {
				return err
			}
		}
		<-p.run.gone
		p.run = nil
		return nil
	})
}

// Freeze stops every process of the server with SIGSTOP: connections stay open
// and nobody answers.
func (p *instance) Freeze() error {
	return p.with("freeze", func(pid int) error {
		if err := signalFamily(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		family, err := children(pid)
		if err != nil {
			return err
		}
		for _, member := range append(family, pid) {
			if err := waitStopped(member); err != nil {
				return err
			}
		}
		return nil
	})
}

// Thaw lets a frozen server go on.
func (p *instance) Thaw() error {
	return p.with("thaw", func(pid int) error { return signalFamily(pid, syscall.SIGCONT) })
}

// with does something to the running server.
func (p *instance) with(doing string, f func(pid int) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("%s %s: it is not running", doing, p.name)
	}
	if err := f(p.run.cmd.Process.Pid); err != nil {
		return fmt.Errorf("%s %s: %w", doing, p.name, err)
	}
	return nil
}

// Close ends the server in whatever state it is and removes its folder. It must
// be called once.
func (p *instance) Close() error {
	return p.guard.Release()
}

// closeAtOnce is Close for servers that take their time when the guard asks them,
// and nobody needs an orderly end.
func (p *instance) closeAtOnce() error {
	p.mu.Lock()
	running := p.run != nil
	p.mu.Unlock()
	var err error
	if running {
		err = p.Kill()
	}
	return errors.Join(err, p.Close())
}

// log returns the end of the server's log since its last start.
func (p *instance) log() string {
	const most = 4 << 10
	b, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

func (p *instance) logPath() string { return filepath.Join(p.dir, "log") }
