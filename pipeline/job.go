package pipeline

import (
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/schema"
)

// A job is one unit on its way from the reader to the sink. The reader makes
// it, a worker encodes it, the sequencer hands it on; one goroutine has it at
// a time, and the channels between them order their accesses.
type job struct {
	unit    *event.Unit // nil once it is encoded
	batch   publish.Batch
	ticket  *checkpoint.Ticket
	size    int64           // bytes that it takes once it is encoded
	mark    checkpoint.Mark // what the unit amounts to; Ver once it is encoded
	tables  []*schema.Table // whose documents go before the batch
	runs    []run           // what the unit's transactions consist of
	tallies []tally         // what the batch has of each table
	err     error           // why encoding ended behind what the batch holds
	encoded chan struct{}   // one token once it is encoded
	done    func(error)     // for Publish; made once per job
}

// A run is a number of events of one transaction for one topic, or the
// transaction's end.
type run struct {
	topic *publish.Topic // nil for the end
	rows  uint64
	txn   event.Txn // of an end
	told  bool      // of an end: its marker was published before the last stop (C1.4)
}

// keep is how large buffers may be that stay with a free job: a rare giant row
// must not stay in memory.
const keep = 1 << 20

// pool holds jobs and units between uses. Its channels bound what lies idle.
type pool struct {
	jobs  chan *job
	units chan *event.Unit
}

func newPool() pool {
	return pool{jobs: make(chan *job, 64), units: make(chan *event.Unit, 8)}
}

func (p *pool) unit() *event.Unit {
	select {
	case u := <-p.units:
		return u
	default:
		return new(event.Unit)
	}
}

func (p *pool) putUnit(u *event.Unit) {
	if cap(u.Raw) > keep {
		return
	}
	u.Reset()
	select {
	case p.units <- u:
	default:
	}
}

func (p *pool) job(l *life) *job {
	select {
	case j := <-p.jobs:
		return j
	default:
	}
	j := &job{encoded: make(chan struct{}, 1)}
	j.done = func(err error) { l.published(j, err) }
	return j
}

func (p *pool) putJob(j *job) {
	if cap(j.batch.Buf) > keep {
		return
	}
	j.batch.Reset()
	clear(j.tables)
	clear(j.runs)
	j.tables, j.runs, j.tallies = j.tables[:0], j.runs[:0], j.tallies[:0]
	j.ticket, j.mark, j.err = nil, checkpoint.Mark{}, nil
	select {
	case p.jobs <- j:
	default:
	}
}
