package capturetest

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
)

// patience bounds what a test waits for, so that a source that got stuck fails
// with a sentence.
const patience = 30 * time.Second

// A Reader follows a source as the pipeline does, without its concurrency, and
// writes native events. Its methods end the test when the source fails and must
// be called on the test's goroutine.
type Reader struct {
	Source capture.Source
	State  checkpoint.State // what a pipeline would have saved by now

	t      testing.TB
	stream capture.Stream
	enc    *encode.Native
	unit   event.Unit
	change event.Change
}

// A Unit is what one call of Next brought.
type Unit struct {
	Events   []Event
	Position event.Position
	// Open says that a transaction with rows had not ended at the unit's end.
	Open bool
}

// Start begins to read at the place that from names, or at the place of st if
// from is "". The stream and the source are closed when the test ends.
func Start(t testing.TB, src capture.Source, st checkpoint.State, from string) *Reader {
	t.Helper()
	r, err := Open(t, src, st, from)
	if err != nil {
		t.Fatalf("open the source: %v", err)
	}
	return r
}

// Open is Start for a test that expects the error.
func Open(t testing.TB, src capture.Source, st checkpoint.State, from string) (*Reader, error) {
	t.Helper()
	t.Cleanup(func() { _ = src.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := src.Check(ctx); err != nil {
		return nil, err
	}
	st, err := src.Locate(ctx, st, from)
	if err != nil {
		return nil, err
	}
	stream, err := src.Open(ctx, st)
	if err != nil {
		return nil, err
	}
	r := &Reader{Source: src, State: st, t: t, stream: stream, enc: encode.NewNative(st.Source.Connector, "test")}
	t.Cleanup(r.Close)
	return r, nil
}

// Next returns the next unit, or what the stream or its splitter says instead.
func (r *Reader) Next(ctx context.Context) (Unit, error) {
	r.t.Helper()
	u := &r.unit
	u.Reset()
	if err := r.stream.Next(ctx, u); err != nil {
		return Unit{}, err
	}
	got := Unit{Position: u.Position}
	mark := checkpoint.Mark{Position: u.Position, Bound: u.Bound, Memory: u.Memory}
	for i := range u.Items {
		it := &u.Items[i]
		if got.Open = it.Op != event.End; !got.Open {
			continue
		}
		c := &r.change
		c.Op, c.Table, c.Txn = it.Op, it.Table, &u.Txns[it.Txn]
		c.Ver = event.Ver{Epoch: r.State.Epoch, Commit: c.Txn.Commit, Event: it.Event, Row: it.Row}
		err := u.Split.Split(u, it, c, func(c *event.Change) error {
			mark.Ver = c.Ver
			got.Events = append(got.Events, r.event(c))
			return nil
		})
		if err != nil {
			return got, err
		}
	}
	r.State = r.State.With(mark)
	return got, nil
}

func (r *Reader) event(c *event.Change) Event {
	r.t.Helper()
	key, err := r.enc.AppendKey(nil, c)
	if err != nil {
		r.t.Fatalf("append a key: %v", err)
	}
	value, err := r.enc.AppendValue(nil, c)
	if err != nil {
		r.t.Fatalf("append an event: %v", err)
	}
	return newEvent(r.t, key, value)
}

// To reads until the source says that target is reached and returns the events
// up to there.
func (r *Reader) To(target event.Position) []Event {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	var events []Event
	for !r.Source.Reached(r.State.Position, target) {
		u, err := r.Next(ctx)
		if err != nil {
			r.t.Fatalf("read on to %s: at %s: %v", target, r.State.Position, err)
		}
		events = append(events, u.Events...)
	}
	return events
}

// ToEnd is To with the server's newest place.
func (r *Reader) ToEnd() []Event {
	r.t.Helper()
	_, newest, err := r.Source.Range(r.t.Context())
	if err != nil {
		r.t.Fatalf("ask for the range: %v", err)
	}
	return r.To(newest)
}

// Broken reads until that ends with an error, and returns it.
func (r *Reader) Broken() error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for {
		if _, err := r.Next(ctx); err != nil {
			return err
		}
	}
}

// Confirm confirms everything that was read.
func (r *Reader) Confirm() { r.stream.Confirm(r.State.Position) }

// Close ends the stream. It may be called more than once.
func (r *Reader) Close() {
	if r.stream == nil {
		return
	}
	if err := r.stream.Close(); err != nil {
		r.t.Errorf("close the stream: %v", err)
	}
	r.stream = nil
}
