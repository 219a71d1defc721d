package status

import (
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/pipeline"
)

// A Work is what a pipeline says of itself at one moment.
type Work struct {
	Doing  pipeline.Doing
	State  checkpoint.State // as saved last
	Tables []pipeline.TableCount

	Received, Published, Bytes  uint64
	Retries, Saves, FailedSaves uint64
	Held                        int64 // bytes between reader and sink
	Dated                       bool  // something with a commit time was published, so that there is a lag

	// Of the sink that is open, counted since its opening. Of does not fill it in.
	DeadLetters *uint64 // events that went to the dead letter topic or stream; nil if it has no such thing
	Lanes       []Lane  // of a Kinesis stream: those that had events
	Shards      []Shard // of a Kinesis stream: those that are open
}

// A Lane is a queue of events that reach a stream in their order.
type Lane struct {
	Lane    int
	Shard   string // where its records land
	Queued  int    // events that are not stored
	Events  uint64 // stored
	Bytes   uint64 // of stored records
	Records uint64 // stored
	Repeats uint64 // times that a record was sent again
}

// A Shard says what one shard of a stream takes.
type Shard struct {
	Shard     string
	Rate      float64 // of what a shard takes, 1 at most: less while it refuses more
	Throttled uint64  // records that it refused because it was busy
}

// Of returns what asks s. Any goroutine may call it.
func Of(s *pipeline.Stats) func(now time.Time) Work {
	return func(now time.Time) Work {
		return Work{
			Doing: s.Doing(now), State: s.State(), Tables: s.Tables(),
			Received: s.Received.Load(), Published: s.Published.Load(), Bytes: s.Bytes.Load(),
			Retries: s.Retries.Load(), Saves: s.Saves.Load(), FailedSaves: s.Unsaved.Load(),
			Held: s.Held.Load(), Dated: s.Millis.Load() != 0,
		}
	}
}
