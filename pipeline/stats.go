package pipeline

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// Stats says what a pipeline does and has done. Any goroutine may read it at any
// time. The zero value is ready.
type Stats struct {
	Received  atomic.Uint64 // changes read from the log
	Published atomic.Uint64 // records that the sink holds durably, control records apart
	Bytes     atomic.Uint64 // bytes of those records
	Retries   atomic.Uint64 // lives that ended for a reason that time may mend
	Saves     atomic.Uint64
	Unsaved   atomic.Uint64 // saves that failed and are tried again
	Held      atomic.Int64  // bytes between reader and sink
	Millis    atomic.Int64  // the source's clock at the last published place, Unix milliseconds

	state  atomic.Pointer[checkpoint.State]
	tables tableCounts

	mu    sync.Mutex
	phase Phase
	since time.Time
	why   string
	life  *vitals // of the life at hand, nil between two
}

// State returns the last saved state, the zero State before the first. Its maps
// and slices must not be changed.
func (s *Stats) State() checkpoint.State {
	if st := s.state.Load(); st != nil {
		return *st
	}
	return checkpoint.State{}
}

// Position returns the last saved position, "" before the first.
func (s *Stats) Position() event.Position { return s.State().Position }

func (s *Stats) setState(st checkpoint.State) { s.state.Store(&st) }
