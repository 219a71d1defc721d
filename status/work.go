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
