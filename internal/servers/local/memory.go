package local

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// removeSharedMemory removes the System V segment by which Postgres notices
// leftover backends. A killed server leaves it behind, and it would outlive the
// data folder.
func (p *Postgres) removeSharedMemory() error {
	f, err := os.Open(filepath.Join(p.DataDir, "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	defer f.Close()
	// Line 7 holds the key and the id of the segment.
	lines := bufio.NewScanner(f)
	for range 7 {
		if !lines.Scan() {
			return errors.New("read postmaster.pid: it has no line about shared memory")
		}
	}
	var key, id int
	if _, err := fmt.Sscan(lines.Text(), &key, &id); err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	const remove = 0 // IPC_RMID
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	deadline := time.Now().Add(startLimit)
	// The segment lives on, and keeps the server from starting, until the last
	// of the killed processes has really ended.
	for time.Now().Before(deadline) {
		_, _, errno := syscall.Syscall(syscall.SYS_SHMCTL, uintptr(id), remove, 0)
		if errno == syscall.EINVAL || errno == syscall.EIDRM {
			return nil
		}
		if errno != 0 {
			return fmt.Errorf("remove shared memory: %w", errno)
		}
		<-again.C
	}
	return errors.New("remove shared memory: a killed process still uses it")
}
