package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/internal/failure"
)

const (
	// again is the time between two attempts.
	again = 100 * time.Millisecond
	// lookWait is how long a broker waits for a record to come.
	lookWait = 250 * time.Millisecond
	// fetchBytes is how much one answer holds, or one record batch that is larger.
	fetchBytes = 16 << 20
	// gapAnswers is how many empty answers in a row mean that compaction has left
	// nothing between a place and the end.
	gapAnswers = 3
)

// A reader reads the topic from its start and keeps what counts in it. It asks
// for records by itself: a consumer does not say that it has come to the end
// where the last offsets hold nothing for it.
type reader struct {
	s         *Store
	committed bool // leaves out what is not committed, and stops before it
	unwaiting bool // with committed: the end is where the first open transaction begins

	state []byte // the last State, nil if there is none
	claim *claim // the last claim, nil if there is none

	located bool
	leader  int32
	topic   [16]byte // its id
	next    int64    // offset to read on at, -1 for the start
	end     int64    // to read to, -1 if it is not known
}

func (s *Store) reader(committed bool) *reader {
	return &reader{s: s, committed: committed, next: -1, end: -1}
}

// toEnd reads on to where the topic ends at the time of the call, and waits for
// transactions before that to end. What brokers take longer for than answerLimit
// without a step forward is an error of the class Retry.
func (r *reader) toEnd(ctx context.Context) error {
	r.end = -1
	if r.locate(ctx) == nil && r.next >= r.end {
		return nil // a broker would wait for what comes next
	}
	moved := time.Now()
	for empty := 0; ; {
		at := r.next
		got, err := r.step(ctx)
		switch {
		case err != nil && !failure.Retryable(err):
			return err
		case err == nil && r.next >= r.end:
			return nil
		case r.next != at:
			moved, empty = time.Now(), 0
			continue
		case err == nil && got.readable >= r.end && !got.throttled:
			if empty++; empty == gapAnswers {
				r.next = r.end
				return nil
			}
		case time.Since(moved) > answerLimit && err == nil:
			return failure.Retry(fmt.Errorf("read topic %s: nothing new in %v: a transaction in it has not ended", r.s.cfg.Topic, answerLimit))
		case time.Since(moved) > answerLimit:
			return err
		}
		if err := pause(ctx); err != nil {
			return r.s.explain("read topic "+r.s.cfg.Topic, err)
		}
	}
}

// step asks for what is not known of the topic, then for records, and keeps
// what counts in them.
func (r *reader) step(ctx context.Context) (fetched, error) {
	if err := r.locate(ctx); err != nil {
		return fetched{}, err
	}
	got, err := r.fetch(ctx)
	if err != nil {
		return fetched{}, err
	}
	return got, r.keep(got.records)
}

func (r *reader) keep(records []*kgo.Record) error {
	for _, record := range records {
		switch string(record.Key) {
		case keyState:
			r.state = record.Value
			if r.state == nil {
				r.state = []byte{} // it was deleted, and none is not what was saved
			}
		case keyClaim:
			c, err := decodeClaim(record.Value)
			if err != nil {
				return failure.StopFrom(err, "let nobody else write to the topic; delete it and say with --from where to start",
					"the claim on pipeline %s in topic %s is damaged", r.s.cfg.Pipeline, r.s.cfg.Topic)
			}
			r.claim = c
		}
	}
	return nil
}

// locate finds the topic's leader, its start and its end, as far as they are not
// known.
func (r *reader) locate(ctx context.Context) error {
	if !r.located {
		t, err := r.s.metadata(ctx)
		if err != nil {
			return err
		}
		if len(t.Partitions) != 1 {
			return r.s.partitionsError(len(t.Partitions))
		}
		if err := kerr.ErrorForCode(t.Partitions[0].ErrorCode); err != nil {
			return r.s.explain("read topic "+r.s.cfg.Topic, err)
		}
		r.leader, r.topic, r.located = t.Partitions[0].Leader, t.TopicID, true
	}
	admin := kadm.NewClient(r.s.client)
	var err error
	if r.next < 0 {
		r.next, err = r.offset(ctx, admin.ListStartOffsets)
	}
	if err == nil && r.end < 0 {
		list := admin.ListEndOffsets
		if r.unwaiting {
			list = admin.ListCommittedOffsets
		}
		r.end, err = r.offset(ctx, list)
	}
	return err
}

func (r *reader) offset(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	offsets, err := list(ctx, r.s.cfg.Topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return -1, r.failed(err)
	}
	o, ok := offsets.Lookup(r.s.cfg.Topic, 0)
	if !ok || o.Offset < 0 {
		return -1, r.failed(errors.New("the broker did not answer for it"))
	}
	return o.Offset, nil
}

// fetched is one answer to the request for records.
type fetched struct {
	records   []*kgo.Record
	readable  int64 // offset before which everything may be read by now
	throttled bool  // the answer is empty because of a quota
}

// fetch asks once for the records at next and moves it behind them.
func (r *reader) fetch(ctx context.Context) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.FetchOffset, partition.PartitionMaxBytes = r.next, fetchBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = r.s.cfg.Topic, r.topic
	topic.Partitions = append(topic.Partitions, partition)
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes, request.MaxBytes, request.MaxWaitMillis = 1, fetchBytes, int32(lookWait.Milliseconds())
	request.Topics = append(request.Topics, topic)
	isolation := kgo.ReadUncommitted()
	if r.committed {
		request.IsolationLevel, isolation = 1, kgo.ReadCommitted()
	}
	response, err := r.s.client.Broker(int(r.leader)).Request(ctx, request)
	if err != nil {
		return fetched{}, r.failed(err)
	}
	answer := response.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return fetched{}, r.failed(err)
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return fetched{}, r.failed(errors.New("the broker did not answer for it"))
	}
	decompressor := r.s.client.OptValue(kgo.WithDecompressor).(kgo.Decompressor) // it has the client's limit
	options := kgo.ProcessFetchPartitionOpts{Offset: r.next, IsolationLevel: isolation, Topic: r.s.cfg.Topic}
	got, next := kgo.ProcessFetchPartition(options, &answer.Topics[0].Partitions[0], decompressor, nil)
	if got.Err != nil {
		return fetched{}, r.failed(got.Err)
	}
	r.next = next
	f := fetched{records: got.Records, readable: got.HighWatermark, throttled: answer.ThrottleMillis > 0}
	if r.committed {
		f.readable = min(f.readable, got.LastStableOffset)
	}
	return f, nil
}

// failed gives the class to an error of reading. Where to read is asked again
// after it: another broker may lead.
func (r *reader) failed(err error) error {
	r.located = false
	return r.s.explain("read topic "+r.s.cfg.Topic, err)
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(again):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
