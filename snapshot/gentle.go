package snapshot

import (
	"runtime"
	"time"
)

const (
	// mostWait is for how long rows give way to changes that come all the time.
	mostWait = 20 * time.Millisecond
	// needs is how many processors one connection keeps busy at full speed, those that
	// encode and write its rows included, and the server if it is on the same machine.
	needs = 4
)

// Tests have others of these.
var (
	// lively is how long after its last change the stream counts as one with readers who
	// wait: a copy then gives way.
	lively = time.Second
	// cores is how many processors there are.
	cores = runtime.GOMAXPROCS(0)
	// portion is how many bytes of units are handed on at once beside a lively stream.
	portion = 256 << 10
	// firstStep is how many rows are read at once of a table that is not known yet.
	firstStep = 50
)

// roomy reports whether rows may be handed on now. Beside a lively stream next to nothing
// may be on its way, or its changes would wait behind it.
func (j *Join) roomy() bool {
	now := time.Now()
	return j.room(j.place.lively(now) && now.Sub(j.outbox.rowsAt) < mostWait)
}

// atOnce is from how many bytes of units on no further one is handed on at a place: the
// stream's own then have their turn.
func (j *Join) atOnce() int {
	if j.place.lively(time.Now()) {
		return portion
	}
	return 4 * portion
}

// sparing is how many connections read beside a lively stream.
func (j *Join) sparing() int { return min(j.cfg.Connections, max(1, cores/needs)) }

// scarce reports whether a lively stream and a copy have too few processors.
func (j *Join) scarce() bool { return j.place.lively(time.Now()) && cores < needs*j.sparing() }
