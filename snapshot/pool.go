package snapshot

import "github.com/tailrace/tailrace/event"

// A pool keeps empty units that were used before. Any goroutine may use it, without a
// lock.
type pool chan *event.Unit

// keep is how large the buffer of a unit may be that is used again.
const keep = 1 << 20

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
