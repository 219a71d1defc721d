package trial

import (
	"context"
	"sync"
)

// A gate holds the workload back so that it lasts as long as the signals do.
type gate struct {
	mu      sync.Mutex
	allowed int
	last    int           // what was committed when a writer last asked
	raised  chan struct{} // closed when allowed rises
	waiting int           // writers that the gate holds back
	left    int           // writers that have ended
}

func newGate() *gate { return &gate{raised: make(chan struct{})} }

// pass is the workload's Pace.
func (g *gate) pass(ctx context.Context, committed int) error {
	for {
		g.mu.Lock()
		g.last = max(g.last, committed)
		open, raised := committed < g.allowed, g.raised
		if !open {
			g.waiting++
		}
		g.mu.Unlock()
		if open {
			return nil
		}
		select {
		case <-raised:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave is the workload's Left.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left++
}

// closed reports whether all writers that are left are held back.
func (g *gate) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting+g.left == writers
}

// open lets transactions begin until so many changes are committed.
func (g *gate) open(allowed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed = allowed
	g.waiting = 0
	close(g.raised)
	g.raised = make(chan struct{})
}

func (g *gate) committed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}
