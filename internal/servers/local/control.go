package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startLimit bounds a start on a busy machine, recovery after Kill included.
const startLimit = time.Minute

// Start starts a server that Stop or Kill ended, on the same port with the same
// data, and returns when it takes connections.
func (p *Postgres) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return errors.New("start Postgres: it is running")
	}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of Postgres: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(p.Bin("postgres"), "-D", p.DataDir)
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Postgres %d: %w", p.Version, err)
	}
	r := &run{cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in the log, which answers quote
		close(r.gone)
	}()
	if err := p.ready(ctx, r); err != nil {
		return errors.Join(err, signal(cmd.Process.Pid, syscall.SIGQUIT))
	}
	p.run = r
	return nil
}

// ready waits until the server takes connections.
func (p *Postgres) ready(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-again.C:
		case <-r.gone:
			return fmt.Errorf("start Postgres %d: it ended: %s", p.Version, p.log())
		case <-ctx.Done():
			return fmt.Errorf("start Postgres %d: %w: %w: %s", p.Version, ctx.Err(), err, p.log())
		}
	}
}

// Stop shuts the server down as an administrator would (pg_ctl stop -m fast):
// it waits until replication clients have confirmed everything, so it ends with
// the context's error when one of them does not read.
func (p *Postgres) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return errors.New("stop Postgres: it is not running")
	}
	if err := p.run.end(ctx, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop Postgres %d: %w: %s", p.Version, err, p.log())
	}
	p.run = nil
	return nil
}

// Kill ends every process of the server at once with SIGKILL, as a crash of the
// machine would. Start brings it back, through recovery.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return errors.New("kill Postgres: it is not running")
	}
	pid := p.run.cmd.Process.Pid
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
	return p.removeSharedMemory()
}

// Freeze stops every process of the server with SIGSTOP: connections stay open
// and nobody answers.
func (p *Postgres) Freeze() error {
	return p.signalAll(syscall.SIGSTOP)
}

// Thaw lets a frozen server go on.
func (p *Postgres) Thaw() error {
	return p.signalAll(syscall.SIGCONT)
}

func (p *Postgres) signalAll(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("send %v to Postgres: it is not running", sig)
	}
	return signalFamily(p.run.cmd.Process.Pid, sig)
}

// NewTimeline restarts the server as a standby and promotes it, which puts it
// on the next timeline, as a failover does.
func (p *Postgres) NewTimeline(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.DataDir, "standby.signal"), nil, 0o644); err != nil {
		return fmt.Errorf("make a standby: %w", err)
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	return p.withAdmin(ctx, func(conn *pgx.Conn) error {
		var promoted bool
		if err := conn.QueryRow(ctx, "SELECT pg_promote()").Scan(&promoted); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
		if !promoted {
			return errors.New("promote: the server did not become a primary in time")
		}
		return nil
	})
}

// log returns the end of the server's log since its last start.
func (p *Postgres) log() string {
	return tail(p.logPath())
}

func (p *Postgres) logPath() string {
	return filepath.Join(p.dir, "log")
}

// tail returns the end of a server's log.
func tail(path string) string {
	const most = 4 << 10
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}
