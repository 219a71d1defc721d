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
)

// Start starts a server that Stop or Kill ended, on the same port with the same
// data and options, and returns when it takes connections.
func (m *MySQL) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run != nil {
		return fmt.Errorf("start %s: it is running", m.Product)
	}
	log, err := os.OpenFile(m.logPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", m.Product, err)
	}
	defer log.Close()
	cmd := exec.Command(m.command[0], m.command[1:]...)
	cmd.Dir = m.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = m.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", m.Product, err)
	}
	r := &run{cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in the log, which answers quote
		close(r.gone)
	}()
	if err := m.ready(ctx, r); err != nil {
		err = errors.Join(err, signal(cmd.Process.Pid, syscall.SIGKILL))
		<-r.gone
		return err
	}
	m.run = r
	return nil
}

// ready waits until the server takes connections.
func (m *MySQL) ready(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := m.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-r.gone:
			return fmt.Errorf("start %s: it ended: %s", m.Product, m.log())
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w: %w: %s", m.Product, ctx.Err(), err, m.log())
		}
	}
}

// greet asks the server who it is: on a port that another server was quicker to
// take, that one answers.
func (m *MySQL) greet(ctx context.Context) error {
	rows, err := m.Query(ctx, "", "SELECT VERSION(), @@server_id")
	if err != nil {
		return err
	}
	if rows[0][1] != fmt.Sprint(m.serverID) {
		return fmt.Errorf("connect: the server %s has the port", rows[0][1])
	}
	m.Version = rows[0][0]
	return nil
}

// Stop shuts the server down in an orderly way, as its service would. It throws
// clients out, those of replication too.
func (m *MySQL) Stop(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil {
		return fmt.Errorf("stop %s: it is not running", m.Product)
	}
	if err := m.run.end(ctx, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w: %s", m.Product, err, m.log())
	}
	m.run = nil
	return nil
}

// Kill ends the server at once with SIGKILL, as a crash would. Start brings it
// back, through recovery, with all that was committed.
func (m *MySQL) Kill() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil {
		return fmt.Errorf("kill %s: it is not running", m.Product)
	}
	if err := signal(m.run.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		return err
	}
	<-m.run.gone
	m.run = nil
	return nil
}

// Freeze stops the server with SIGSTOP: connections stay open and nobody
// answers.
func (m *MySQL) Freeze() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil {
		return fmt.Errorf("freeze %s: it is not running", m.Product)
	}
	if err := signal(m.run.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		return err
	}
	return waitStopped(m.run.cmd.Process.Pid)
}

// Thaw lets a frozen server go on.
func (m *MySQL) Thaw() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil {
		return fmt.Errorf("thaw %s: it is not running", m.Product)
	}
	return signal(m.run.cmd.Process.Pid, syscall.SIGCONT)
}

// log returns the end of the server's log since its last start.
func (m *MySQL) log() string {
	return tail(m.logPath())
}

func (m *MySQL) logPath() string {
	return filepath.Join(m.dir, "log")
}
