package pipeline

import (
	"math"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/schema"
)

// A worker encodes one unit at a time.
type worker struct {
	life   *life
	enc    encode.Encoder
	routes map[*schema.Table]route
	table  *schema.Table // of the change before
	route  route         // and its route
	emit   func(*event.Change) error
	change event.Change // scratch

	scratch []byte // what a partition is chosen by

	job  *job   // the one at hand
	rows uint64 // of it
	all  int64  // of them, for all partitions
}

func newWorker(l *life) *worker {
	w := &worker{life: l, enc: l.p.NewEncoder(), routes: make(map[*schema.Table]route)}
	w.emit = w.add
	return w
}

// encode fills j's batch from its unit and gives the unit back. What can't be
// encoded ends the batch before it; the error rides along (C1.5).
func (w *worker) encode(j *job) {
	w.job = j
	u := j.unit
	c := &w.change
	for i := range u.Items {
		it := &u.Items[i]
		txn := &u.Txns[it.Txn]
		if it.Op == event.End {
			end := event.Ver{Epoch: w.life.start.Epoch, Commit: txn.Commit, Event: event.EndEvent}
			j.runs = append(j.runs, run{txn: *txn, told: end.Compare(w.life.resent) <= 0})
			j.mark.Ver = end
			continue
		}
		c.Op, c.Table, c.Txn = it.Op, it.Table, txn
		c.Ver = event.Ver{Epoch: w.life.start.Epoch, Commit: txn.Commit, Event: it.Event, Row: it.Row}
		if j.err = u.Split.Split(u, it, c, w.emit); j.err != nil {
			// What is before it counts; a transaction end behind it doesn't.
			j.mark = checkpoint.Mark{Ver: j.mark.Ver}
			break
		}
	}
	j.tables = append(j.tables, u.Tables...)
	w.life.p.Stats.Received.Add(w.rows)
	j.received()
	j.unit, w.job, w.rows = nil, nil, 0
	w.life.pool.putUnit(u)
	j.size = int64(cap(j.batch.Buf)) + int64(cap(j.batch.Records))*recordSize + int64(len(j.batch.Records))*flightSize + w.all*allSize
	w.all = 0
	w.life.frontier.Settle(j.ticket, j.mark, j.size)
	j.encoded <- struct{}{}
}

// recordSize is what a publish.Record takes in memory. flightSize is what a sink
// may hold beside it while the record is on its way: Kafka's client has a record
// of its own for each, and an entry in its queue, of 200 bytes together. For
// small rows that is more than their events.
const (
	recordSize = 40
	flightSize = 200
	// allSize is for a record that goes everywhere: a sink has as many of it as there
	// are partitions, or 1,024 lanes with an entry of 16 bytes each.
	allSize = 32 << 10
)

// look finds the route of a table's changes.
func (w *worker) look(t *schema.Table) error {
	r, ok := w.routes[t]
	if !ok {
		var err error
		if r, err = w.life.p.topics.route(t); err != nil {
			return err
		}
		w.routes[t] = r
	}
	w.table, w.route = t, r
	return nil
}

// add appends one change to the batch of the job at hand.
func (w *worker) add(c *event.Change) error {
	j := w.job
	if c.Table != w.table {
		if err := w.look(c.Table); err != nil {
			return err
		}
	}
	r := &w.route
	apart := c.Op == event.Truncate && w.life.p.topics.control != nil
	if apart {
		r = &route{topic: w.life.p.topics.control, counts: r.counts}
	}
	copied := c.Txn.Snapshot
	if n := len(j.runs); copied {
		// It is of no transaction that an END could count.
	} else if n > 0 && j.runs[n-1].topic == r.topic {
		j.runs[n-1].rows++
	} else {
		j.runs = append(j.runs, run{topic: r.topic, rows: 1})
	}
	w.rows++
	if !copied && c.Ver.Compare(w.life.resent) <= 0 {
		j.mark.Ver = c.Ver
		return nil // it was published before the last stop (C1.4)
	}
	b := &j.batch
	start := len(b.Buf)
	buf, err := w.enc.AppendKey(b.Buf, c)
	keyEnd := len(buf)
	var hash uint32
	if err == nil && !apart {
		hash, err = w.hash(r, c, buf[start:])
	}
	if err == nil {
		buf, err = w.enc.AppendValue(buf, c)
	}
	b.Buf = buf
	if err == nil && len(buf) > math.MaxUint32 {
		err = failure.Stop("exclude the table", "a row of %s is larger than 4 GiB as an event at ver %s", c.Table, c.Ver)
	}
	if err != nil {
		b.Buf = buf[:start]
		return err
	}
	j.count(r.counts, c.Op)
	all := c.Op == event.Truncate && !apart
	if all {
		w.all++
	}
	b.Records = append(b.Records, publish.Record{
		Topic: r.topic, Hash: hash, All: all,
		KeyStart: uint32(start), KeyEnd: uint32(keyEnd), ValueEnd: uint32(len(buf)),
	})
	if c.Op == event.Delete && keyEnd > start && w.life.p.Tombstones {
		// It has the key's bytes in common with the event.
		b.Records = append(b.Records, publish.Record{
			Topic: r.topic, Hash: hash, KeyStart: uint32(start), KeyEnd: uint32(keyEnd), ValueEnd: uint32(keyEnd),
		})
	}
	j.mark.Ver = c.Ver
	return nil
}
