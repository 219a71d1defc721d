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

// A Partitioned is a Publisher that spreads the records of a topic over a number
// of partitions that must stay what it was (C8.3). The pipeline keeps the numbers
// in the State and gives them to the next Publisher.
type Partitioned interface {
	// Partitions returns over how many partitions the records of each topic are
	// spread, as far as that is known: topics are added and never changed. It may
	// be called from any goroutine and with every save, and what it has returned
	// is never altered.
	Partitions() map[string]int32
}

// A Burier is a Publisher that may put events which are too large for a record
// somewhere apart.
type Burier interface {
	// DeadLetters returns how many that were since it was opened. It may be called
	// from any goroutine, also after Close.
	DeadLetters() uint64
}

// A Committer is a Publisher that saves the State in one transaction with the
// records (C7.1): exactly once. The pipeline then bypasses its saver: it picks
// a boundary between batches and calls Commit with the State of that boundary.
//
// A batch is durable when its transaction is committed, so done is called with
// nil by Commit alone, and Flush returns without it: when everything accepted is
// stored. What is not committed when the Committer fails or is closed is as if it
// had never been published.
type Committer interface {
	Publisher
	// Commit makes everything accepted since the last Commit durable together
	// with st, or none of it. It is called from the goroutine that calls
	// Publish, also when nothing was accepted. When it returns nil, done of
	// every batch in it has been called, and none was before. After an error
	// nothing more is accepted, and it is not known whether st was saved: the
	// caller closes the Committer, which calls done with an error, opens another
	// and reads the State again (C7.2).
	Commit(ctx context.Context, st checkpoint.State) error
}
