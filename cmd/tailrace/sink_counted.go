package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/publish/kinesis"
	"github.com/tailrace/tailrace/status"
)

// A countedSink keeps the Publisher that was opened last for other goroutines than
// the pipeline's, which ask what it has counted.
type countedSink struct {
	open opener
	last atomic.Pointer[publish.Publisher]
}

var (
	_ publish.Burier = (*kafka.Publisher)(nil)
	_ publish.Burier = (*kafka.Committer)(nil)
	_ publish.Burier = (*kinesis.Publisher)(nil)
)

// Open is the pipeline's OpenSink.
func (c *countedSink) Open(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
	opened, err := c.open(ctx, st)
	if err == nil {
		c.last.Store(&opened)
	}
	return opened, err
}

// tells adds what the Publisher says to what work says.
func (c *countedSink) tells(work func(time.Time) status.Work) func(time.Time) status.Work {
	return func(now time.Time) status.Work {
		w := work(now)
		last := c.last.Load()
		if last == nil {
			return w
		}
		if b, ok := (*last).(publish.Burier); ok {
			n := b.DeadLetters()
			w.DeadLetters = &n
		}
		if stream, ok := (*last).(*kinesis.Publisher); ok {
			for _, l := range stream.Lanes() {
				w.Lanes = append(w.Lanes, status.Lane(l))
			}
			for _, s := range stream.Shards() {
				w.Shards = append(w.Shards, status.Shard(s))
			}
		}
		return w
	}
}
