package pipeline

import (
	"sync/atomic"

	"github.com/tailrace/tailrace/event"
)

// Stats counts what a pipeline does. Any goroutine may read it at any time.
type Stats struct {
	Received  atomic.Uint64 // changes read from the log
	Published atomic.Uint64 // records that the sink holds durably, control records apart
	Bytes     atomic.Uint64 // bytes of those records
	Retries   atomic.Uint64 // lives that ended for a reason that time may mend
	Saves     atomic.Uint64
	Held      atomic.Int64 // bytes between reader and sink
	Millis    atomic.Int64 // the source's clock at the last published place, Unix milliseconds

	position atomic.Pointer[event.Position]
}

// Position returns the last saved position, "" before the first.
func (s *Stats) Position() event.Position {
	if p := s.position.Load(); p != nil {
		return *p
	}
	return ""
}

func (s *Stats) setPosition(p event.Position) { s.position.Store(&p) }
