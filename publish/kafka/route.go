package kafka

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// A destination is a topic as it was met. It does not change, but for used.
type destination struct {
	name       string
	partitions int32 // over which records are spread
	limit      int32 // bytes of its largest record batch, as max.message.bytes counts
	used       bool  // a record goes there; under the Publisher's mutex
}

// route fills f with where the records of b go.
func (p *Publisher) route(ctx context.Context, b *publish.Batch, f *flight) error {
	for {
		missing, err := p.divide(b, f)
		if err != nil || len(missing) == 0 {
			return err
		}
		if err := p.meet(ctx, missing); err != nil {
			return err
		}
	}
}

// divide divides b into runs, or returns the topics that must be met first.
func (p *Publisher) divide(b *publish.Batch, f *flight) (missing []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.runs = f.runs[:0]
	var topic *publish.Topic
	var to *destination
	dead := 0
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic != topic {
			topic = r.Topic
			if to = p.topics[topic.Name]; to == nil && !slices.Contains(missing, topic.Name) {
				missing = append(missing, topic.Name)
			}
		}
		if to == nil {
			continue
		}
		target := run{to: to, end: i + 1}
		if size := recordSize(r); size > int64(to.limit) {
			if target.to, err = p.bury(r, size, to); err != nil {
				return nil, err
			}
			if target.to == nil {
				return append(missing, p.cfg.DeadLetter), nil
			}
			target.dead = true
			dead++
		}
		if n := len(f.runs); n > 0 && f.runs[n-1].to == target.to && f.runs[n-1].dead == target.dead {
			f.runs[n-1].end = target.end
		} else {
			f.runs = append(f.runs, target)
		}
	}
	if len(missing) > 0 {
		return missing, nil
	}
	for _, run := range f.runs {
		if p.transactional && !run.to.used {
			run.to.used = true
			p.fresh = append(p.fresh, run.to)
		}
	}
	if dead > 0 {
		p.deadLetters.Add(uint64(dead))
		p.cfg.Log.Warn("records are too large for their topic and go to the dead letter topic",
			zap.Int("records", dead), zap.Uint64("since_start", p.deadLetters.Load()), zap.String("dead_letter", p.cfg.DeadLetter))
	}
	return nil, nil
}

// bury returns where a record goes that is too large for its own topic, nil if
// that topic must be met first. A record is never cut. Only events have a dead
// letter: what reads the other channels relies on every record.
func (p *Publisher) bury(r *publish.Record, size int64, own *destination) (*destination, error) {
	if p.cfg.DeadLetter == "" || r.Topic.Channel != publish.Data {
		return nil, failure.Stop("raise max.message.bytes of the topic, or name a dead letter topic",
			"a record of %d bytes is larger than topic %s takes, which is %d", size, own.name, own.limit)
	}
	to := p.topics[p.cfg.DeadLetter]
	if to != nil && size+int64(len(r.Topic.Name)) > int64(to.limit) {
		return nil, failure.Stop("raise max.message.bytes of the dead letter topic",
			"a record of %d bytes for topic %s is larger than the dead letter topic %s takes, which is %d", size, own.name, to.name, to.limit)
	}
	return to, nil
}

// recordSize is at least what a record takes in a record batch of its own:
// record batches have 61 bytes before the first record, and a record has up to
// seven variable numbers, which Kafka's protocol describes as Record and
// RecordBatch.
func recordSize(r *publish.Record) int64 {
	const overhead = 61 + 39
	return int64(r.ValueEnd-r.KeyStart) + overhead
}

// batchLimit is how large a batch for a topic may become before it is
// compressed. The client asks it for topics that were met.
func (p *Publisher) batchLimit(topic string) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.topics[topic]; d != nil {
		return d.limit
	}
	return defaultLimit
}
