package snapshot

import (
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// An outbox holds what Next returns before the stream is asked again, in order.
type outbox struct {
	queue     []outgoing
	rest      *event.Unit // the stream's, behind what is copied at this place
	announced map[*schema.Table]bool
	rowsAt    time.Time // when rows were last pushed
}

// An outgoing unit is what Next returns, with what is saved once it is published.
type outgoing struct {
	unit  *event.Unit
	state *checkpoint.Snapshot
}

func (o *outbox) push(u *event.Unit, st *checkpoint.Snapshot) {
	o.queue = append(o.queue, outgoing{u, st})
}

// pushRows hands on a unit of rows that were read.
func (o *outbox) pushRows(u *event.Unit) {
	o.rowsAt = time.Now()
	o.push(u, nil)
}

// pop takes out the first; there must be one.
func (o *outbox) pop() outgoing {
	first := o.queue[0]
	o.queue[0] = outgoing{}
	o.queue = o.queue[1:]
	return first
}

// cost is how many bytes wait.
func (o *outbox) cost() (n int) {
	for _, w := range o.queue {
		n += w.unit.Cost
	}
	return n
}

// last returns what was pushed last, nil if it is gone.
func (o *outbox) last() *outgoing {
	if len(o.queue) == 0 {
		return nil
	}
	return &o.queue[len(o.queue)-1]
}

// announce has the schema document of a version go before the first of its rows.
func (o *outbox) announce(u *event.Unit, t *schema.Table) {
	if t != nil && !o.announced[t] {
		o.announced[t] = true
		u.Tables = append(u.Tables, t)
	}
}
