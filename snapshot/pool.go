package snapshot

import "github.com/tailrace/tailrace/event"

// A pool keeps empty units that were used before: of a chunk's many megabytes most are
// read into them. Any goroutine may use it, without a lock.
type pool chan *event.Unit

const (
	// keep is how large the buffer of a unit may be that is used again.
	keep = 1 << 20
	// common is how large a full one is as a rule.
	common = 256 << 10
)

// newPool returns one for the units of so many bytes.
func newPool(bytes int64) pool { return make(pool, max(64, bytes/common)) }

// drain forgets all of them.
func (p pool) drain() {
	for len(p) > 0 {
		select {
		case <-p:
		default:
		}
	}
}

func (p pool) get() *event.Unit {
	select {
	case u := <-p:
		return u
	default:
		return new(event.Unit)
	}
}

func (p pool) put(u *event.Unit) {
	if cap(u.Raw) > keep {
		return
	}
	u.Reset()
	select {
	case p <- u:
	default:
	}
}

// swap moves what from holds into to, which is empty, and keeps the empty one.
func (p pool) swap(to, from *event.Unit) {
	*to, *from = *from, *to
	p.put(from)
}
