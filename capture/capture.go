// Package capture defines what a source of changes is: a database whose log
// can be followed from a position.
package capture

import (
	"context"
	"errors"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// ErrLost says that the server no longer has the place that was asked for. It
// is inside an error of the class Stop that says what remains: a source never
// jumps to the end instead.
var ErrLost = errors.New("the place is lost")

// A Source is a database that can be followed. One pipeline owns it; its
// methods are called one at a time, from the pipeline's own goroutine.
type Source interface {
	// Check returns every reason why the source can't be read, joined, and nil
	// if there is none. It changes nothing on the server.
	Check(ctx context.Context) error

	// Locate decides where to read from: it returns st with the position,
	// identity and epoch that must be saved before Open (C1.3). For a state
	// without a position it makes what is missing on the server, if it may,
	// and takes the place that from names: a position, "earliest", "now" or
	// "time:RFC3339". With a position in st, from overrides it unless it is
	// "". It is called before every Open, so that start, reconnect and
	// failover are one path. The error wraps ErrLost when the place is gone.
	Locate(ctx context.Context, st checkpoint.State, from string) (checkpoint.State, error)

	// Open begins to read after st.Position. The context covers opening only.
	Open(ctx context.Context, st checkpoint.State) (Stream, error)

	// Range returns the oldest place that can be read from and the newest
	// place there is.
	Range(ctx context.Context) (oldest, newest event.Position, err error)

	// Reached reports whether a stream at one place has everything up to
	// target. It is the only comparison of positions there is. Both must be
	// positions of this source.
	Reached(at, target event.Position) bool

	// Describe names server, version and tables for the start line of the
	// log. It is valid after Check or Locate and holds no secret.
	Describe() Description

	// Close gives back connections that outlive a stream.
	Close() error
}

// A Description is what the start line says of a source.
type Description struct {
	Server  string   // host:port
	Version string   // PostgreSQL 18.1
	Tables  []string // schema.name of the captured tables
}

// A Stream is the log from one place on. It has goroutines of its own that
// keep the connection alive however slow the caller is.
type Stream interface {
	// Next fills u, which is empty, with the next run of the log in commit
	// order. It returns when u is full or when the next read would block and
	// there is something to hand on (C1.2). Only the pipeline's reader calls
	// it; its slowness holds the server back. An error of the class Retry
	// means that the stream is over and may be opened again; u holds nothing
	// then. It returns ctx.Err() soon after ctx ends.
	Next(ctx context.Context, u *event.Unit) error

	// Confirm says that everything up to p is published and saved: the server
	// may forget it. It does not wait for the network, and is called by the
	// pipeline's saver, never with a place before an earlier one.
	Confirm(p event.Position)

	// Close tells the server the last confirmed place if it can, ends the
	// stream and waits for its goroutines. It is called once, when neither
	// Next nor Confirm runs.
	Close() error
}
