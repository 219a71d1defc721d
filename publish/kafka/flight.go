package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/publish"
)

// A flight is one batch on its way: its records as the client takes them, and
// how many answers are missing. It is pooled, and with it the function for the
// answers, so that a record costs no allocation.
type flight struct {
	runs    []run
	records []kgo.Record // keys and values alias the batch
	left    int          // set before the first record is produced, then counted by answers, which come one at a time
	failed  bool
	done    func(error)
	answer  func(*kgo.Record, error)
}

// A run is the records of a batch up to end that have one destination.
type run struct {
	to   *destination
	end  int
	dead bool // it is the dead letter of another topic
}

// keepRecords is how many records a flight may hold that is kept: a rare giant
// batch must not stay in memory.
const keepRecords = 8192

func (p *Publisher) flight() *flight {
	select {
	case f := <-p.free:
		return f
	default:
	}
	f := new(flight)
	f.answer = func(r *kgo.Record, err error) {
		if err != nil {
			f.failed = true
			p.fail(p.explain(r.Topic, err))
		}
		if f.left--; f.left == 0 {
			p.finish(f)
		}
	}
	return f
}

func (p *Publisher) recycle(f *flight) {
	if cap(f.records) > keepRecords {
		return
	}
	clear(f.records)
	clear(f.runs)
	f.runs, f.records, f.failed, f.done = f.runs[:0], f.records[:0], false, nil
	select {
	case p.free <- f:
	default:
	}
}

// load makes the records of b, which f.runs says where to send.
func (f *flight) load(b *publish.Batch) {
	n := 0
	at := 0
	for _, run := range f.runs {
		for ; at < run.end; at++ {
			n += int(copies(&b.Records[at], run))
		}
	}
	// All of them are there before the first is handed on: a slice that grew
	// would leave the client with pointers to the old one.
	f.records = slices.Grow(f.records[:0], n)
	f.left = n
	at = 0
	for _, run := range f.runs {
		for ; at < run.end; at++ {
			f.add(b, &b.Records[at], run)
		}
	}
}

func copies(r *publish.Record, run run) int32 {
	if r.All && !run.dead {
		return run.to.partitions
	}
	return 1
}

func (f *flight) add(b *publish.Batch, r *publish.Record, run run) {
	record := kgo.Record{
		Topic: run.to.name, Partition: partition(r.Hash, run.to.partitions),
		Key: b.Key(r), Value: b.Value(r), Timestamp: b.Time,
	}
	if r.Topic.Channel == publish.Data && len(record.Value) == 0 {
		record.Value = nil // a tombstone
	}
	if run.dead {
		record.Headers = []kgo.RecordHeader{{Key: "topic", Value: []byte(r.Topic.Name)}}
	}
	n := copies(r, run)
	if n == 1 {
		f.records = append(f.records, record)
		return
	}
	for i := range n {
		record.Partition = i
		f.records = append(f.records, record)
	}
}

// partition chooses as the partitioner of Kafka's Java client does, from a
// murmur2 hash.
func partition(hash uint32, partitions int32) int32 {
	return int32(hash&0x7fffffff) % partitions
}

// finish is called when all answers of f are there.
func (p *Publisher) finish(f *flight) {
	if !f.failed {
		p.complete(f, nil)
		return
	}
	p.mu.Lock()
	settled := p.life.Err() != nil
	if !settled {
		p.doomed = append(p.doomed, f)
	}
	p.mu.Unlock()
	if settled {
		p.complete(f, p.cause())
	}
}

func (p *Publisher) complete(f *flight, err error) {
	done := f.done
	p.recycle(f)
	p.finished.Add(1)
	if err == nil && p.transactional {
		p.hold(done)
	} else {
		done(err)
	}
	p.inFlight.Done()
}
