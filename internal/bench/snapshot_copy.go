package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tailrace/tailrace/internal/bench/copied"
)

// copyConfig is the configuration of a run that copies tables. dir is for its
// files, more ends it.
func copyConfig(s filled, mode, to, dir, more string, tables ...string) string {
	text := fmt.Sprintf("name: bench\nsource:\n  url: %q\n  snapshot: %s\n  tables:\n", s.url(), mode)
	for _, table := range tables {
		text += fmt.Sprintf("    - %s.%s\n", s.schema(), table)
	}
	return text + fmt.Sprintf("publish: {url: %q}\ncheckpoint: {url: %q}\nlimits: {memory: %s}\n%s",
		to, "file://"+filepath.Join(dir, "checkpoint.json"), copyMemory, more)
}

// copy copies a table of so many rows once, and looks whether each has arrived once if
// the sink keeps them.
func (b *bench) copy(ctx context.Context, s filled, table, sink string, connections, rows int) (usage, error) {
	dir, err := os.MkdirTemp(b.dir, "copy-")
	if err != nil {
		return usage{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it holds gigabytes
	to, file := sink, ""
	if sink == "file:" {
		to, file = "file://"+dir, topicFile(dir, s, table)
	}
	begin := time.Now()
	first := time.Duration(0)
	if file != "" {
		b.watch = func(ended <-chan struct{}, _ int) { first = untilWritten(ended, file, begin) }
		defer func() { b.watch = nil }()
	}
	u, err := b.daemon(ctx, copyConfig(s, "only", to, dir, fmt.Sprintf("snapshot: {connections: %d}\n", connections), table))
	if err := errors.Join(err, s.forget(context.WithoutCancel(ctx))); err != nil {
		return usage{}, err
	}
	u.first = first
	if file == "" {
		return u, nil
	}
	return u, copied.EachOnce(file, rows)
}

// topicFile is where the sink `file:` puts the events of a table.
func topicFile(dir string, s filled, table string) string {
	return filepath.Join(dir, "bench."+s.schema()+"."+table+".ndjson")
}

// untilWritten returns how long after begin the file had something in it.
func untilWritten(ended <-chan struct{}, file string, begin time.Time) time.Duration {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if info, err := os.Stat(file); err == nil && info.Size() > 0 {
				return time.Since(begin)
			}
		case <-ended:
			return 0
		}
	}
}
