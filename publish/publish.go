// Package publish defines where events go. It knows bytes, topics and the
// checkpoint's State, and nothing of rows.
package publish

import (
	"context"

	"github.com/tailrace/tailrace/checkpoint"
)

// A Publisher makes batches durable somewhere. One pipeline owns it and calls
// it from one goroutine at a time; it outlives the source's restarts, since a
// second one could land old records after new ones (C1.5).
type Publisher interface {
	// Publish accepts b in log order and may block while it has no room. It
	// returns an error only if b was not accepted; then done is never called.
	// Otherwise done is called exactly once, from any goroutine, also from
	// within Publish: with nil when every record of b is durable, or with an
	// error when the pipeline must stop or start again from its saved state.
	// The publisher mends what time can mend by itself. b and its bytes belong
	// to the publisher until done.
	Publish(ctx context.Context, b *Batch, done func(error)) error

	// Flush hurries everything accepted so far. When it returns nil, done has
	// been called for all of it.
	Flush(ctx context.Context) error

	// Close gives up what is not yet durable and gives back resources. done is
	// called, with an error, for every batch that was accepted and is not
	// durable, before Close returns.
	Close() error
}

// A Committer is a Publisher that saves the State in one transaction with the
// records (C7.1): exactly once. The pipeline then bypasses its saver: it picks
// a boundary between batches and calls Commit with the State of that boundary.
type Committer interface {
	Publisher
	// Commit makes everything accepted since the last Commit durable together
	// with st, or none of it. done of every batch in it is called before
	// Commit returns, and never earlier. It is called from the goroutine that
	// calls Publish.
	Commit(ctx context.Context, st checkpoint.State) error
}
