package kinesis

import (
	"sync/atomic"

	"github.com/tailrace/tailrace/publish"
)

// A flight is one batch on its way.
type flight struct {
	batch *publish.Batch
	left  atomic.Int64 // entries in lanes that are not stored
	done  func(error)
}

// begin notes that f is on its way. The Publisher's mutex is held.
func (p *Publisher) begin(f *flight) {
	if len(p.flights) == 0 {
		p.idle = make(chan struct{})
	}
	p.flights[f] = struct{}{}
	p.accepted++
}

// complete ends f with the result of its batch.
func (p *Publisher) complete(f *flight, err error) {
	// Whoever sees that nothing is in flight must also see that done was called.
	f.done(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flights, f)
	p.finished++
	p.trouble.Store(nil)
	if len(p.flights) == 0 {
		close(p.idle)
	}
}
