package checkpoint

import (
	"context"
	"sync"

	"github.com/tailrace/tailrace/event"
)

// A Mark says what a run of the log amounts to once it is published.
type Mark struct {
	Position event.Position // after the last transaction end in it, or ""
	Bound    uint64         // goes with Position: every ver.commit below it is published
	Millis   int64          // the source's clock, Unix milliseconds, or 0
	Ver      event.Ver      // of the last row, zero if there was none
	Memory   []byte         // the source's memory as of its end, nil if unchanged
	Snapshot *Snapshot      // of the copies as of its end, nil if unchanged
}

// Extend appends to m the run n that follows it.
func (m *Mark) Extend(n Mark) {
	if n.Position != "" {
		m.Position, m.Bound = n.Position, n.Bound
	}
	if n.Millis != 0 {
		m.Millis = n.Millis
	}
	if !n.Ver.IsZero() {
		m.Ver = n.Ver
	}
	if n.Memory != nil {
		m.Memory = n.Memory
	}
	if n.Snapshot != nil {
		m.Snapshot = n.Snapshot
	}
}

// A Frontier holds what was read and is not yet published, in log order and
// bounded in bytes. It is the pipeline's only back-pressure: the reader waits
// for room before it reads. All methods may be called from any goroutine.
type Frontier struct {
	limit int64

	mu      sync.Mutex
	used    int64     // bytes held
	queue   []*Ticket // in log order; queue[:head] are published
	head    int
	free    []*Ticket // to use again
	reached Mark      // of the longest published prefix
	news    bool      // reached has moved since Take
	unsaved int64     // bytes published and not saved
	taken   int64     // of unsaved, what belongs to the save that runs
	saving  bool      // a save runs, or has failed and is to be tried again

	waiting bool
	changed chan struct{} // closed and made again when a waiter should look
	moved   chan struct{} // one token when there is something to Take
	full    chan struct{} // one token when somebody waits for room
}

// A Ticket is one run of the log in a Frontier, from Add to Done.
type Ticket struct {
	mark Mark
	size int64
	done bool
}

// A run takes room here until every run before it is published, even if it is
// empty: keepalives go on while a sink stands still. So their number is bounded
// as well: by as many as would take a quarter of the limit, and by fewRuns.
const (
	ticketCost = 256
	fewRuns    = 1024
)

// NewFrontier returns a Frontier that admits runs while it holds less than
// limit bytes. A run may overdraw it, and the next one then waits.
func NewFrontier(limit int64) *Frontier {
	return &Frontier{
		limit:   limit,
		changed: make(chan struct{}),
		moved:   make(chan struct{}, 1),
		full:    make(chan struct{}, 1),
	}
}

// Limit changes how many bytes are admitted.
func (f *Frontier) Limit(limit int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = limit
	f.wake()
}

// Wait returns when there is room to read more, or with ctx's error.
func (f *Frontier) Wait(ctx context.Context) error {
	return f.until(ctx, func() bool {
		ok := f.used < f.limit && int64(len(f.queue)-f.head) < fewRuns+f.limit/4/ticketCost && (!f.saving || f.unsaved < f.limit)
		if !ok {
			signal(f.full)
		}
		return ok
	})
}

// Add puts a run of the given size behind all others.
func (f *Frontier) Add(m Mark, size int64) *Ticket {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := new(Ticket)
	if n := len(f.free); n > 0 {
		t, f.free = f.free[n-1], f.free[:n-1]
	}
	*t = Ticket{mark: m, size: size}
	f.used += size
	if f.head > 64 && f.head > len(f.queue)/2 {
		n := copy(f.queue, f.queue[f.head:])
		clear(f.queue[n:])
		f.queue, f.head = f.queue[:n], 0
	}
	f.queue = append(f.queue, t)
	return t
}

// Settle replaces what is known of a run by what it is once encoded: its mark,
// and its real size, which may overdraw the limit (C6.1).
func (f *Frontier) Settle(t *Ticket, m Mark, size int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.mark = m
	f.used += size - t.size
	t.size = size
	f.wake()
}

// Done says that a run is durable downstream. The ticket is not used after.
func (f *Frontier) Done(t *Ticket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.done {
		panic("checkpoint: Done was called twice for one run")
	}
	t.done = true
	f.used -= t.size
	f.unsaved += t.size
	for f.head < len(f.queue) && f.queue[f.head].done {
		first := f.queue[f.head]
		f.reached.Extend(first.mark)
		f.free = append(f.free, first)
		f.queue[f.head] = nil
		f.head++
		f.news = true
	}
	if f.news {
		signal(f.moved)
	}
	f.wake()
}

// Moved yields a token when there may be something to Take.
func (f *Frontier) Moved() <-chan struct{} { return f.moved }

// Full yields a token when the reader has begun to wait for room: whatever
// holds events back for a larger batch should let them go (C6.3).
func (f *Frontier) Full() <-chan struct{} { return f.full }

// Take returns the mark of the longest published prefix, and whether it has
// moved since the last call. If it has, the caller saves it and reports with
// Saved how that went.
func (f *Frontier) Take() (Mark, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := f.news
	if news {
		f.news, f.saving, f.taken = false, true, f.unsaved
	}
	return f.reached, news
}

// Saved reports how the save of what was taken went. While one runs or fails,
// no more than the limit is published beyond the last saved place; after a
// failure the same can be taken again.
func (f *Frontier) Saved(ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ok {
		f.saving = false
		f.unsaved -= f.taken
	} else {
		f.news = true
		signal(f.moved)
	}
	f.wake()
}

// Used returns the bytes held now.
func (f *Frontier) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// Millis returns the source's clock at the end of the longest published prefix,
// Unix milliseconds, or 0.
func (f *Frontier) Millis() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reached.Millis
}

// until waits until ok, which is called with the lock held, is true.
func (f *Frontier) until(ctx context.Context, ok func() bool) error {
	for {
		f.mu.Lock()
		if ok() {
			f.mu.Unlock()
			return nil
		}
		f.waiting = true
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake lets waiters look again. The lock is held.
func (f *Frontier) wake() {
	if f.waiting {
		f.waiting = false
		close(f.changed)
		f.changed = make(chan struct{})
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
