package kinesis

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// A Publisher puts the events of all topics into one stream. Records of the other
// channels are dropped, as are tombstones: a stream of events has no place for
// them. The hash of a record chooses its lane; what is for all partitions goes
// into every lane.
//
// It accepts without blocking: how much is in flight is the frontier's matter.
// done is called from the goroutines of calls, in no particular order, and within
// Publish for a batch without events.
type Publisher struct {
	cfg     Config
	client  *kinesis.Client
	outlets []*outlet // the stream, and behind it that of dead letters if there is one

	life       context.Context // ends, with the first reason, when nothing is sent any more
	end        context.CancelCauseFunc
	background sync.WaitGroup // the looks at the streams, and who buries what failed

	deadLetters atomic.Uint64
	renewals    atomic.Uint64         // of credentials that had expired
	trouble     atomic.Pointer[error] // why a record was sent again last

	mu                 sync.Mutex
	flights            map[*flight]struct{}
	idle               chan struct{} // closed while nothing is in flight
	accepted, finished uint64        // batches
}

var _ publish.Publisher = (*Publisher)(nil)

// Publish queues the events of b in their lanes. It refuses b as a whole, with an
// error of the class Stop, if an event is too large, and with the reason if the
// Publisher has failed.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.life.Err() != nil {
		p.mu.Unlock()
		return context.Cause(p.life)
	}
	entries, dead, err := p.weigh(b)
	if err != nil || entries == 0 {
		p.mu.Unlock()
		if err == nil {
			done(nil)
		}
		return err
	}
	f := &flight{batch: b, done: done}
	f.left.Store(int64(entries))
	p.begin(f)
	// Under the mutex, so that a failure does not give b back meanwhile.
	p.outlets[0].queue(f, func(size int) bool { return size <= p.outlets[0].limit })
	if dead > 0 {
		p.outlets[1].queue(f, func(size int) bool { return size > p.outlets[0].limit })
	}
	p.mu.Unlock()
	if dead > 0 {
		all := p.deadLetters.Add(uint64(dead))
		p.cfg.Log.Warn("events are too large for a record of the stream and go to the dead letter stream",
			zap.Int("events", dead), zap.Uint64("since_start", all), zap.String("dead_letter", p.cfg.DeadLetter))
	}
	return nil
}

// carried reports whether the record is an event that streams carry.
func carried(r *publish.Record) bool { return r.Topic.Channel.Events() && r.ValueEnd > r.KeyEnd }

// recordSize is that of a record that holds the event alone, with the longest of
// the lanes' names as its key.
func recordSize(r *publish.Record) int { return int(r.ValueEnd-r.KeyEnd) + 1 + len("1023") }

// weigh returns how many entries b has in all lanes, and how many of its events
// are dead letters.
func (p *Publisher) weigh(b *publish.Batch) (entries, dead int, err error) {
	for i := range b.Records {
		r := &b.Records[i]
		if !carried(r) {
			continue
		}
		size := recordSize(r)
		if size > p.outlets[0].limit {
			if err := p.mayBury(r, size); err != nil {
				return 0, 0, err
			}
			dead++
		}
		entries += p.copies(r)
	}
	return entries, dead, nil
}

func (p *Publisher) mayBury(r *publish.Record, size int) error {
	own := p.outlets[0]
	if len(p.outlets) == 1 {
		return failure.Stop("raise the stream's maximum record size (UpdateMaxRecordSize, up to 10 MiB), or name a dead letter stream",
			"a record of %d bytes for %s is larger than stream %s takes, which is %d", size, r.Topic.Name, own.stream, own.limit)
	}
	if dead := p.outlets[1]; size > dead.limit {
		return failure.Stop("raise the maximum record size of the dead letter stream",
			"a record of %d bytes for %s is larger than the dead letter stream %s takes, which is %d", size, r.Topic.Name, dead.stream, dead.limit)
	}
	return nil
}

// Flush returns when everything accepted is stored, or with the error that
// prevents it. Nothing lingers that it would have to hurry.
func (p *Publisher) Flush(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return context.Cause(p.life)
	case <-p.life.Done():
		return context.Cause(p.life)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close gives up what is not stored. It does not wait for the service.
func (p *Publisher) Close() error {
	p.end(fmt.Errorf("publish to the stream %s: %w", p.cfg.Stream, os.ErrClosed))
	p.background.Wait()
	return nil
}

// bury waits for the end, and gives its reason to every batch that is not stored.
func (p *Publisher) bury() {
	<-p.life.Done()
	for _, o := range p.outlets {
		o.background.Wait() // what is sent reads the batches
	}
	p.mu.Lock()
	var doomed []*flight
	for f := range p.flights {
		doomed = append(doomed, f)
	}
	p.mu.Unlock()
	for _, f := range doomed {
		p.complete(f, context.Cause(p.life))
	}
}

// DeadLetters returns how many events went to the dead letter stream. It may be
// called from any goroutine.
func (p *Publisher) DeadLetters() uint64 { return p.deadLetters.Load() }
