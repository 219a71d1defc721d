package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// usage is what one run of a program took.
type usage struct {
	wall, cpu time.Duration
	rss       int64 // peak, in bytes
}

func (u usage) String() string {
	return fmt.Sprintf("%.2f s (%.2f s of CPU, %d MiB)", u.wall.Seconds(), u.cpu.Seconds(), u.rss>>20)
}

// tailrace drains a load into nothing.
func (b *bench) tailrace(ctx context.Context, l load) (usage, error) {
	return b.tailraceTo(ctx, l, "discard:")
}

func (b *bench) tailraceTo(ctx context.Context, l load, sink string) (usage, error) {
	slot, err := b.source.copySlot(ctx, l)
	if err != nil {
		return usage{}, err
	}
	checkpoint := filepath.Join(b.dir, slot+".json")
	config := filepath.Join(b.dir, slot+".yaml")
	text := fmt.Sprintf("name: bench\nsource:\n  url: %q\n  tables: [%s]\n  snapshot: never\n  postgres: {slot: %s, publication: %s}\npublish: {url: %q}\ncheckpoint: {url: %q}\nlimits: {memory: %s}\n",
		b.source.server.URL(b.source.database), l.publication, slot, l.publication, sink, "file://"+checkpoint, memory)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return usage{}, err
	}
	u, err := measure(exec.CommandContext(ctx, b.binary, "run", "-c", config, "--from", "earliest", "--until", "lsn:"+l.end, "--log-level", "warn"))
	if err != nil {
		return u, err
	}
	return u, b.source.dropSlot(ctx, slot)
}

// recvlogical drains a load into nothing with Postgres's own program.
func (b *bench) recvlogical(ctx context.Context, l load) (usage, error) {
	slot, err := b.source.copySlot(ctx, l)
	if err != nil {
		return usage{}, err
	}
	u, err := measure(exec.CommandContext(ctx, b.source.server.Bin("pg_recvlogical"),
		"-d", b.source.server.URL(b.source.database), "--slot", slot, "--start", "--no-loop", "-f", "/dev/null",
		"-o", "proto_version=1", "-o", "publication_names="+l.publication, "--endpos", l.end))
	if err != nil {
		return u, err
	}
	return u, b.source.dropSlot(ctx, slot)
}

// measure runs a program to its end.
func measure(cmd *exec.Cmd) (usage, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, said.Bytes())
	}
	ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, fmt.Errorf("this system does not say what a process used")
	}
	return usage{
		wall: wall,
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		rss:  ru.Maxrss << 10,
	}, nil
}
