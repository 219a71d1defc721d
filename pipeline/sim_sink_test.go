package pipeline_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

var (
	errSink   = failure.Retry(errors.New("the sink is away"))
	errClosed = errors.New("the sink is closed") // of no class: what clients return once they have failed
)

// A simSink stores each partition on its own and late, so that batches are
// acknowledged out of order. When it fails, some of what it was given is
// stored and some is not.
type simSink struct {
	w    *world
	proc *proc
	r    *rand.Rand

	spread  map[string]int32 // as publish.Partitioned; replaced and never altered
	lanes   map[string]chan part
	wg      sync.WaitGroup
	flights []*flight // accepted and not done; the world's mu guards these
	held    int64     // bytes held back
	changed chan struct{}
	failed  error
	told    bool // the pipeline knows that it has failed
	closed  bool
}

var (
	_ publish.Publisher   = (*simSink)(nil)
	_ publish.Partitioned = (*simSink)(nil)
)

// A flight is a batch on its way.
type flight struct {
	b      *publish.Batch
	done   func(error)
	life   int
	rows   []int
	left   int  // parts not yet stored
	sent   bool // not held back
	landed bool
}

// A part is what a batch holds for one partition.
type part struct {
	f       *flight
	records []int
}

func newSink(w *world, p *proc, r *rand.Rand, spread map[string]int32) *simSink {
	return &simSink{w: w, proc: p, r: r, spread: spread, lanes: make(map[string]chan part), changed: make(chan struct{})}
}

// err says why nothing more is stored. The world's mu is held.
func (s *simSink) err() error {
	if s.failed != nil {
		return s.failed
	}
	return s.proc.err()
}

func (s *simSink) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	err := s.until(ctx, func() bool { return s.w.cfg.room == 0 || len(s.flights) < s.w.cfg.room })
	if err != nil {
		return err
	}
	s.w.mu.Lock()
	s.w.act()
	if s.closed {
		s.w.violate("Publish after Close")
	}
	s.w.meet(s, b)
	f := &flight{b: b, done: done, life: s.w.life, rows: s.w.shelf.accept(b, s.w.shelf.docs)}
	if len(s.flights) == 0 && s.r.Float64() < s.w.cfg.inside && s.err() == nil {
		s.storeAll(f)
		s.w.mu.Unlock()
		done(nil)
		return nil
	}
	s.flights = append(s.flights, f)
	s.held += int64(len(b.Buf))
	if s.held > s.w.cfg.hold {
		s.release()
	}
	s.w.mu.Unlock()
	return nil
}

func (s *simSink) Partitions() map[string]int32 {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.spread
}

func (s *simSink) Flush(ctx context.Context) error {
	s.w.mu.Lock()
	s.w.act()
	s.release()
	s.w.mu.Unlock()
	return s.until(ctx, func() bool { return len(s.flights) == 0 })
}

func (s *simSink) Close() error {
	s.w.mu.Lock()
	if s.closed {
		s.w.violate("a sink was closed twice")
	}
	s.closed = true
	if s.failed == nil {
		s.failed = errClosed
	}
	for _, lane := range s.lanes {
		close(lane)
	}
	s.w.mu.Unlock()
	s.wg.Wait()
	s.w.mu.Lock()
	left := append([]*flight(nil), s.flights...)
	s.w.mu.Unlock()
	for _, f := range left {
		s.land(f, errClosed)
	}
	return nil
}

// until waits until ok, which is called with the world's mu held.
func (s *simSink) until(ctx context.Context, ok func() bool) error {
	for {
		s.w.mu.Lock()
		err, ready, changed := s.err(), ok(), s.changed
		if err != nil && s.told {
			err = errClosed
		}
		s.w.mu.Unlock()
		if err != nil || ready {
			return err
		}
		select {
		case <-changed:
		case <-s.proc.dead:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release sends what is held back. The world's mu is held.
func (s *simSink) release() {
	s.held = 0
	if s.closed {
		return
	}
	for _, f := range s.flights {
		if !f.sent {
			f.sent = true
			s.send(f)
		}
	}
}

// send queues the parts of f. The world's mu is held.
func (s *simSink) send(f *flight) {
	var names []string
	parts := make(map[string][]int)
	for i := range f.b.Records {
		r := &f.b.Records[i]
		name := partOf(r.Topic.Name, r.Hash)
		if parts[name] == nil {
			names = append(names, name)
		}
		parts[name] = append(parts[name], i)
	}
	f.left = len(names)
	for _, name := range names {
		lane := s.lanes[name]
		if lane == nil {
			lane = make(chan part, 10_000)
			s.lanes[name] = lane
			r := rand.New(rand.NewPCG(s.w.seed, s.r.Uint64()))
			s.wg.Go(func() { s.deliver(lane, r) })
		}
		lane <- part{f, parts[name]}
	}
}

// deliver is the goroutine of one partition.
func (s *simSink) deliver(lane chan part, r *rand.Rand) {
	for p := range lane {
		_ = s.proc.pause(context.Background(), r, s.w.cfg.sinkPace)
		s.w.mu.Lock()
		s.w.act()
		whole := len(p.records)
		fails := s.failed == nil && (s.proc.err() != nil || s.w.chance(r, s.w.cfg.sinkFails))
		if fails {
			s.failed, s.w.failed = errSink, true
			if s.proc.err() != nil {
				s.failed = errCrash
			}
			whole = r.IntN(whole + 1)
		}
		if s.failed == nil || fails {
			for _, i := range p.records[:whole] {
				s.w.shelf.store(p.f.b, &p.f.b.Records[i], p.f.life)
			}
		}
		p.f.left--
		err, last := s.failed, p.f.left == 0
		s.wake()
		s.w.mu.Unlock()
		if err != nil || last {
			s.land(p.f, err)
		}
	}
}

// land calls done once.
func (s *simSink) land(f *flight, err error) {
	s.w.mu.Lock()
	landed := f.landed
	f.landed = true
	if !landed && err == nil {
		s.w.leave(f.rows)
	}
	s.w.mu.Unlock()
	if landed {
		return
	}
	f.done(err)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.told = s.told || err != nil
	for i := range s.flights {
		if s.flights[i] == f {
			s.flights = append(s.flights[:i:i], s.flights[i+1:]...)
			break
		}
	}
	s.wake()
}

// storeAll makes f durable at once. The world's mu is held.
func (s *simSink) storeAll(f *flight) {
	for i := range f.b.Records {
		s.w.shelf.store(f.b, &f.b.Records[i], f.life)
	}
	s.w.leave(f.rows)
}

func (s *simSink) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// leave notes that rows of the life at hand take no memory any more. mu is held.
func (w *world) leave(rows []int) {
	for _, row := range rows {
		w.held -= int64(len(w.log.rows[row].value))
	}
}
