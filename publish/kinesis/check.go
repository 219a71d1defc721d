package kinesis

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// A Seen is what Check has seen of one stream.
type Seen struct {
	Stream   string
	OnDemand bool   // it gets shards as it needs them
	Shards   int    // that are open
	Largest  int    // bytes of the largest record, with its partition key
	Key      string // that encrypts it, "" for none
	// Tried says that the service was asked whether records may be written. It is
	// not where Config names an endpoint: who imitates the service may not know of
	// such questions, and would store the record.
	Tried bool
}

// Takes returns what the stream's shards take in a second, as far as lanes reach:
// bytes and records.
func (s Seen) Takes() (bytes, records int) {
	n := min(s.Shards, Lanes)
	return n * shardBytes, n * shardRecords
}

// Check returns every reason why events could not be published, joined, and what
// it has seen of each stream that has answered. What is no reason it tells the log.
// It changes nothing: that records may be written is asked for by a call that is
// not carried out. ctx bounds it.
func Check(ctx context.Context, cfg Config) ([]Seen, error) {
	p := newPublisher(cfg)
	defer p.end(context.Canceled)
	if err := p.credentials(ctx); err != nil {
		return nil, err
	}
	var seen []Seen
	var errs []error
	for _, o := range p.outlets {
		c := checker{o: o, p: p, seen: Seen{Stream: o.stream}}
		if c.look(ctx) {
			seen = append(seen, c.seen)
		}
		c.forbidden()
		errs = append(errs, c.errs...)
		if slices.ContainsFunc(c.errs, failure.Retryable) {
			break // the others would be as silent
		}
	}
	if len(seen) == 2 && seen[1].Largest <= seen[0].Largest {
		p.cfg.Log.Warn("the dead letter stream takes no larger records than the one that it is for",
			zap.String("stream", seen[1].Stream), zap.String("fix", "raise its maximum record size (UpdateMaxRecordSize, up to 10 MiB)"))
	}
	return seen, errors.Join(errs...)
}

// A checker collects what Check finds of one stream.
type checker struct {
	o      *outlet
	p      *Publisher
	seen   Seen
	errs   []error
	denied []string // operations
}

// look asks all there is to ask, and reports whether the stream was described.
func (c *checker) look(ctx context.Context) bool {
	var is *types.StreamDescriptionSummary
	err := c.ask(ctx, func(ctx context.Context) error {
		out, err := c.p.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String(c.o.stream)})
		if err == nil && out.StreamDescriptionSummary == nil {
			return errors.New("the stream is described by nothing")
		}
		if err == nil {
			is = out.StreamDescriptionSummary
		}
		return err
	})
	switch {
	case err != nil && !c.refused("kinesis:DescribeStreamSummary", err):
		return false // whatever else is asked would be answered in the same way
	case err == nil && !c.judge(is):
		return true // it has no shards at the moment
	}
	var found *shards
	err = c.ask(ctx, func(ctx context.Context) (err error) {
		found, err = listShards(ctx, c.p.client, c.o.stream)
		return err
	})
	if err == nil {
		c.count(len(found.ids))
	} else {
		c.refused("kinesis:ListShards", err)
	}
	if c.p.cfg.Endpoint == "" {
		c.try(ctx)
	}
	return is != nil
}

// ask makes a call that is bounded as those of a Publisher are.
func (c *checker) ask(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.p.cfg.AnswerLimit)
	defer cancel()
	return c.p.ask(ctx, func() error { return call(ctx) })
}

// refused notes why a call failed, and reports whether that was for the lack of a
// right, so that others may be there.
func (c *checker) refused(operation string, err error) bool {
	if codeOf(err) == accessDenied {
		c.denied = append(c.denied, operation)
		return true
	}
	c.errs = append(c.errs, c.p.explain(c.o.stream, err))
	return false
}

const accessDenied = "AccessDeniedException"

// forbidden names the rights that are lacking, in one sentence.
func (c *checker) forbidden() {
	if len(c.denied) > 0 {
		c.errs = append(c.errs, failure.StopFrom(errors.New(accessDenied), "allow them in a policy of the role or user, as docs/kinesis.md shows",
			"these credentials lack rights on the stream %s: %s", c.o.stream, strings.Join(c.denied, ", ")))
	}
}

// judge looks at what the stream is, and reports whether it is one that could be
// written to.
func (c *checker) judge(is *types.StreamDescriptionSummary) bool {
	limit, err := suits(c.o.stream, is)
	if failure.Retryable(err) {
		err = failure.Stop("check again once it is active", "the stream %s is not made yet", c.o.stream)
	}
	if err != nil {
		c.errs = append(c.errs, err)
	}
	c.seen.Largest = limit
	c.seen.OnDemand = is.StreamModeDetails != nil && is.StreamModeDetails.StreamMode == types.StreamModeOnDemand
	if is.EncryptionType == types.EncryptionTypeKms {
		c.seen.Key = aws.ToString(is.KeyId)
	}
	return is.StreamStatus != types.StreamStatusCreating && is.StreamStatus != types.StreamStatusDeleting
}

// count notes how many shards there are.
func (c *checker) count(n int) {
	c.seen.Shards = n
	if n > Lanes {
		c.p.cfg.Log.Warn("only 1,024 shards of a stream are used, one for each lane",
			zap.String("stream", c.o.stream), zap.Int("shards", n), zap.String("fix", "merge shards, or spread the tables over several streams, each with a pipeline"))
	}
}

// try asks whether a record could be written. The service refuses it either way,
// and says by the code whether it would have.
func (c *checker) try(ctx context.Context) {
	c.seen.Tried = true
	err := c.ask(ctx, func(ctx context.Context) error {
		_, err := c.p.client.PutRecords(ctx, &kinesis.PutRecordsInput{
			StreamName: aws.String(c.o.stream), DryRun: aws.Bool(true),
			Records: []types.PutRecordsRequestEntry{{Data: []byte("\n"), PartitionKey: aws.String(points[0].name), ExplicitHashKey: aws.String(points[0].text)}},
		})
		return err
	})
	switch {
	case err == nil:
		c.p.cfg.Log.Warn("what answers as Kinesis does not know of calls that are not carried out, and has stored an empty line", zap.String("stream", c.o.stream))
	case codeOf(err) != "DryRunOperationException":
		c.refused("kinesis:PutRecords", err)
	}
}
