package capture

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// A Gauge asks a source's server how far its log is, and for how long it keeps
// what a pipeline has yet to read. It has a connection of its own, so that it
// may be asked while a Source of the same server is followed. One goroutine at a
// time uses it.
type Gauge interface {
	// Look holds st, which may have no position yet, against the server. It
	// changes nothing there. That the place is gone is no error, but in the
	// Sight. An error of the class Retry means that the server can't be asked
	// now, one of the class Stop that it won't answer.
	Look(ctx context.Context, st checkpoint.State) (Sight, error)

	// Close ends the connection.
	Close() error
}

// Unknown is what a number of a Sight is where the server has no such limit, or
// does not say.
const Unknown = -1

// A Sight is what a server says at one moment about its log and the place of a
// pipeline in it.
type Sight struct {
	// Oldest and Newest are the places between which the log can be read now:
	// those of Source.Range.
	Oldest, Newest event.Position
	// Lost says why the state's place can't be read any more, in the words of
	// the Stop that a start would end with; "" if it can, or has none.
	Lost string
	// Behind is how many bytes of log lie behind the state's place, or Unknown.
	// Not all of them need be of captured tables.
	Behind int64
	// Kept is how many bytes of log the server holds for this pipeline and would
	// delete without it: those of a Postgres slot. Unknown elsewhere.
	Kept int64
	// Room is how many bytes the server may still write before it gives up what
	// it holds (Postgres: safe_wal_size), or Unknown.
	Room int64
	// Left is how long the file that the place is in will stay by the server's
	// rules of age (binlog_expire_logs_seconds), 0 if it may go at any moment,
	// or Unknown.
	Left time.Duration
	// Limit names the setting behind Room or Left, as max_slot_wal_keep_size.
	Limit string
}
