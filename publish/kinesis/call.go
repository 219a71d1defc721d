package kinesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/tailrace/tailrace/internal/failure"
)

// A call is one PutRecords: at most one record of a lane.
type call struct {
	parts []part
	bytes int
	turns uint64 // of the outlet's width, when it was sent
}

// A part is a lane's record in a call.
type part struct {
	lane    int
	shard   string // where it is expected to land
	size    int
	entries []entry // of the lane's queue, which only grows meanwhile
}

// send makes the call and tells the lanes what became of their records.
func (o *outlet) send(c *call) {
	data := make([]byte, 0, c.bytes)
	records := make([]types.PutRecordsRequestEntry, len(c.parts))
	for i, part := range c.parts {
		at, start := &points[part.lane], len(data)
		data = o.p.cfg.Packing.pack(data, part.entries, at)
		records[i] = types.PutRecordsRequestEntry{
			Data:            data[start:len(data):len(data)],
			ExplicitHashKey: aws.String(at.text),
			PartitionKey:    aws.String(at.name),
		}
	}
	ctx, cancel := context.WithTimeout(o.p.life, o.p.answerLimit(c.bytes))
	defer cancel()
	var out *kinesis.PutRecordsOutput
	err := o.p.ask(ctx, func() (err error) {
		out, err = o.p.client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: aws.String(o.stream), Records: records})
		return err
	})
	if err == nil && len(out.Records) != len(records) {
		err = fmt.Errorf("the answer is for %d records and not for %d", len(out.Records), len(records))
	}
	if err != nil {
		o.refused(c, err)
		return
	}
	o.settle(c, out.Records)
}

// answerLimit is how long a call of so many bytes may take.
func (p *Publisher) answerLimit(bytes int) time.Duration {
	return p.cfg.AnswerLimit * time.Duration(1+bytes/callBytes)
}

// refused is told that a whole call has failed, or that it is not known what
// became of it.
func (o *outlet) refused(c *call, err error) {
	o.worry(err)
	full := throttles(codeOf(err))
	now := time.Now()
	o.mu.Lock()
	if errors.Is(err, context.DeadlineExceeded) {
		o.width.unanswered(c.turns)
	}
	for i := range c.parts {
		o.repeat(&c.parts[i], full, now)
	}
	o.ended(c)
	o.mu.Unlock()
	o.hurry()
}

// worry ends the Publisher if a person has to mend what err says, and else keeps it
// for whoever asks what records wait for.
func (o *outlet) worry(err error) {
	meaning := o.p.explain(o.stream, err)
	if failure.Retryable(meaning) {
		o.p.trouble.Store(&meaning)
		return
	}
	o.p.end(meaning)
}

// settle is told what became of each record of a call.
func (o *outlet) settle(c *call, results []types.PutRecordsResultEntry) {
	var done []*flight
	var codes []string // of refusals
	moved := false
	now := time.Now()
	o.mu.Lock()
	o.width.answered()
	for i := range c.parts {
		part, result := &c.parts[i], &results[i]
		code := aws.ToString(result.ErrorCode)
		if code == "" && result.SequenceNumber == nil {
			code = "NoSequenceNumber" // what is stored has one
		}
		if code == "" {
			moved = moved || aws.ToString(result.ShardId) != part.shard
			done = o.stored(part, done)
			continue
		}
		o.repeat(part, throttles(code), now)
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	o.ended(c)
	o.mu.Unlock()

	for _, code := range codes {
		o.worry(&smithy.GenericAPIError{Code: code})
	}
	o.hurry()
	if moved {
		select {
		case o.stale <- struct{}{}:
		default:
		}
	}
	for _, f := range done {
		o.p.complete(f, nil)
	}
}

// repeat has a lane's record sent again, before records that were not sent yet.
func (o *outlet) repeat(part *part, full bool, now time.Time) {
	l := &o.lanes[part.lane]
	l.failed(now)
	l.state = waiting
	o.again = append(o.again, part.lane)
	if pace := o.paces[part.shard]; full && pace != nil {
		pace.refused()
	}
}

// stored takes a record's events out of their lane. It appends to done whose last
// event was among them.
func (o *outlet) stored(part *part, done []*flight) []*flight {
	l := &o.lanes[part.lane]
	l.succeeded()
	if pace := o.paces[part.shard]; pace != nil {
		pace.took()
	}
	l.stats.Records++
	l.stats.Events += uint64(len(part.entries))
	l.stats.Bytes += uint64(part.size)
	for _, e := range part.entries {
		if e.f.left.Add(-1) == 0 {
			done = append(done, e.f)
		}
	}
	l.drop(l.flying)
	l.flying, l.size, l.state = 0, 0, idle
	if len(l.queue) > l.head {
		l.state = waiting
		o.ready = append(o.ready, part.lane)
	}
	return done
}

func (o *outlet) ended(c *call) {
	o.calls--
	o.bytes -= c.bytes
}

// throttles reports whether a code says that a shard takes no more at the
// moment.
func throttles(code string) bool { return code == "ProvisionedThroughputExceededException" }
