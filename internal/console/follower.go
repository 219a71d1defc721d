package console

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/publish"
)

// A Follower shows each event once another publisher holds it durably, and
// measures how late that is.
type Follower struct {
	publish.Publisher // the one that makes events durable

	printer *Printer
	out     io.Writer
	lines   []byte // of the batch at hand, for the goroutine that calls done
	events  atomic.Uint64
	lag     atomic.Int64
}

var _ publish.Publisher = (*Follower)(nil)

// NewFollower returns a Follower that owns durable: closing it closes that.
// durable calls done in order and for one batch at a time. out is written to
// from the goroutine that durable calls done from, one Write per batch.
func NewFollower(durable publish.Publisher, out io.Writer, o Options) *Follower {
	return &Follower{Publisher: durable, printer: NewPrinter(o), out: out}
}

// Publish implements publish.Publisher. A terminal that can't be written to is
// an error of the batch that it was to show.
func (f *Follower) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	return f.Publisher.Publish(ctx, b, func(err error) {
		if err == nil {
			err = f.show(b)
		}
		done(err)
	})
}

func (f *Follower) show(b *publish.Batch) error {
	f.lines = f.lines[:0]
	var events uint64
	var newest int64
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic.Channel != publish.Data {
			continue
		}
		var err error
		if f.lines, newest, err = f.printer.Append(f.lines, b.Key(r), b.Value(r)); err != nil {
			return err
		}
		f.lines = append(f.lines, '\n')
		events++
	}
	if events == 0 {
		return nil
	}
	f.events.Add(events)
	f.lag.Store(max(0, time.Now().UnixMilli()-newest))
	if _, err := f.out.Write(f.lines); err != nil {
		return fmt.Errorf("show events: %w", err)
	}
	return nil
}

// Events returns how many events were shown. Any goroutine may call it.
func (f *Follower) Events() uint64 { return f.events.Load() }

// Lag returns how long after its commit the newest event was durable. Any
// goroutine may call it.
func (f *Follower) Lag() time.Duration { return time.Duration(f.lag.Load()) * time.Millisecond }
