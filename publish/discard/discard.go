// Package discard publishes to nowhere, for measuring everything else.
package discard

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/tailrace/tailrace/publish"
)

// A Publisher counts events and drops them.
type Publisher struct {
	records, bytes atomic.Int64
	closed         atomic.Bool
}

var _ publish.Publisher = (*Publisher)(nil)

// Open returns a Publisher that has counted nothing yet.
func Open() *Publisher { return new(Publisher) }

// Records returns how many events were published. What the other channels hold
// is not counted. It may be called from any goroutine.
func (p *Publisher) Records() int64 { return p.records.Load() }

// Bytes returns how many bytes the keys and values of those records had. It
// may be called from any goroutine.
func (p *Publisher) Bytes() int64 { return p.bytes.Load() }

// Publish counts b and calls done before it returns.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	var records, bytes int64
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic.Channel.Events() {
			records++
			bytes += int64(r.ValueEnd - r.KeyStart)
		}
	}
	p.records.Add(records)
	p.bytes.Add(bytes)
	done(nil)
	return nil
}

// Flush has nothing to wait for.
func (p *Publisher) Flush(ctx context.Context) error { return p.open(ctx) }

// Close makes later calls fail. The counters remain.
func (p *Publisher) Close() error {
	p.closed.Store(true)
	return nil
}

func (p *Publisher) open(ctx context.Context) error {
	if p.closed.Load() {
		return fmt.Errorf("publish to nowhere: %w", os.ErrClosed)
	}
	return ctx.Err()
}
