package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// children returns the processes whose parent is pid. Backends put themselves
// into groups of their own, so a signal to the postmaster's group misses them.
func children(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []int
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it ended after the listing
		}
		// "pid (name) state parent ...", where the name may hold anything.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, fmt.Errorf("read process id: %w", err)
		}
		found = append(found, child)
	}
	return found, nil
}

// signalFamily sends a signal to a process and then to its children, until it
// sees no child that has not had it.
func signalFamily(pid int, sig syscall.Signal) error {
	done := []int{pid}
	if err := signal(pid, sig); err != nil {
		return err
	}
	for {
		kids, err := children(pid)
		if err != nil {
			return err
		}
		kids = slices.DeleteFunc(kids, func(p int) bool { return slices.Contains(done, p) })
		if len(kids) == 0 {
			return nil
		}
		for _, kid := range kids {
			if err := signal(kid, sig); err != nil {
				return err
			}
		}
		done = append(done, kids...)
	}
}

func signal(pid int, sig syscall.Signal) error {
	err := syscall.Kill(pid, sig)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to process %d: %w", sig, pid, err)
	}
	return nil
}

// waitStopped waits until every thread of a process that was sent SIGSTOP has
// stopped: those that run on other processors go on for a moment, and answer.
func waitStopped(pid int) error {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	deadline := time.Now().Add(startLimit)
	for time.Now().Before(deadline) {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		if !slices.ContainsFunc(stats, running) {
			return nil
		}
		<-again.C
	}
	return fmt.Errorf("stop process %d: some of its threads go on", pid)
}

// running reports whether the thread with this stat file is neither stopped nor
// ended.
func running(stat string) bool {
	b, err := os.ReadFile(stat)
	if err != nil {
		return false // it ended after the listing
	}
	// "tid (name) state ...", where the name may hold anything.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	return len(fields) > 0 && !bytes.Contains([]byte("TtZX"), fields[0])
}
