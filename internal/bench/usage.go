package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// usage is what one run of a program took.
type usage struct {
	wall, cpu time.Duration
	rss       int64 // peak, in bytes

	first time.Duration // until the first row was written, 0 if nobody looked
}

func (u usage) String() string {
	return fmt.Sprintf("%.2f s (%.2f s of CPU, %d MiB)", u.wall.Seconds(), u.cpu.Seconds(), u.rss>>20)
}

// tailrace drains a log. source is the body of the configuration's part of that
// name.
func (b *bench) tailrace(ctx context.Context, source, sink string, args ...string) (usage, error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return usage{}, err
	}
	text := fmt.Sprintf("name: bench\nsource:\n%s  snapshot: never\npublish: {url: %q}\ncheckpoint: {url: %q}\nlimits: {memory: %s}\n",
		source, sink, "file://"+filepath.Join(dir, "checkpoint.json"), memory)
	return b.daemon(ctx, text, args...)
}

// daemon runs tailrace with a configuration until it ends by itself.
func (b *bench) daemon(ctx context.Context, text string, args ...string) (usage, error) {
	config := filepath.Join(b.dir, "tailrace.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return usage{}, err
	}
	cmd := exec.CommandContext(ctx, b.binary, append([]string{"run", "-c", config, "--log-level", "warn", "--admin", "off"}, args...)...)
	cmd.Env = append(os.Environ(), b.environment...)
	return measureWhile(cmd, b.watch)
}

// measure runs a program to its end.
func measure(cmd *exec.Cmd) (usage, error) { return measureWhile(cmd, nil) }

// measureWhile runs a program to its end, and watch beside it, if there is one,
// until then.
func measureWhile(cmd *exec.Cmd, watch func(ended <-chan struct{}, pid int)) (usage, error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		ended := make(chan struct{})
		var watching sync.WaitGroup
		if watch != nil {
			watching.Go(func() { watch(ended, cmd.Process.Pid) })
		}
		err = cmd.Wait()
		close(ended)
		watching.Wait()
	}
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, said.Bytes())
	}
	return used(cmd.ProcessState, wall)
}

// used returns what a process that has ended took.
func used(state *os.ProcessState, wall time.Duration) (usage, error) {
	ru, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, fmt.Errorf("this system does not say what a process used")
	}
	return usage{wall: wall, cpu: state.UserTime() + state.SystemTime(), rss: ru.Maxrss << 10}, nil
}
