package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Copy writes all records to a folder, a file for each partition, from which
// they are verified. The broker is up, and nothing publishes any more.
func (k *Kafka) Copy(ctx context.Context, folder string) (err error) {
	ends, err := k.settled(ctx)
	if err != nil {
		return fmt.Errorf("verify: find the ends of the topics: %w", err)
	}
	c := copier{folder: folder, open: make(map[string]map[int32]*copied)}
	defer func() { err = errors.Join(err, c.close()) }()
	starts := make(map[string]map[int32]kgo.Offset)
	ends.Each(func(o kadm.ListedOffset) {
		if !strings.HasPrefix(o.Topic, k.prefix) || err != nil {
			return
		}
		if err = c.add(o.Topic, o.Partition, o.Offset); err != nil || o.Offset == 0 {
			return
		}
		if starts[o.Topic] == nil {
			starts[o.Topic] = make(map[int32]kgo.Offset)
		}
		starts[o.Topic][o.Partition] = kgo.NewOffset().AtStart()
	})
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(k.broker), kgo.ConsumePartitions(starts), kgo.FetchIsolationLevel(k.isolation),
		kgo.KeepControlRecords(), // the last ones of a partition may be such
	)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	defer client.Close()
	for c.left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("verify: read Kafka: %w", err)
		}
		for _, r := range fetches.Records() {
			if err := c.take(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled returns the ends of all partitions, once no transaction is open there:
// the broker acknowledges the end of one before it is written to them.
func (k *Kafka) settled(ctx context.Context) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		stable, stableErr := k.admin.ListCommittedOffsets(ctx)
		ends, err := k.admin.ListEndOffsets(ctx)
		err = errors.Join(stableErr, stable.Error(), err, ends.Error())
		if err != nil && !kerr.IsRetriable(err) { // a broker that stood still has no leaders for a moment
			return nil, err
		}
		open := err != nil
		ends.Each(func(o kadm.ListedOffset) {
			last, _ := stable.Lookup(o.Topic, o.Partition)
			open = open || last.Offset != o.Offset && strings.HasPrefix(o.Topic, k.prefix)
		})
		if !open {
			return ends, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, errors.Join(errors.New("a transaction stays open"), err)
		}
	}
}

// A copier writes the files of Copy.
type copier struct {
	folder string
	open   map[string]map[int32]*copied
	left   int // partitions that have not come to their ends
}

type copied struct {
	file *os.File
	buf  *bufio.Writer
	end  int64
}

func (c *copier) add(topic string, partition int32, end int64) error {
	f, err := os.Create(filepath.Join(c.folder, copyName(topic, partition)))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if c.open[topic] == nil {
		c.open[topic] = make(map[int32]*copied)
	}
	c.open[topic][partition] = &copied{file: f, buf: bufio.NewWriter(f), end: end}
	if end > 0 {
		c.left++
	}
	return nil
}

func (c *copier) take(r *kgo.Record) error {
	p := c.open[r.Topic][r.Partition]
	if r.Offset >= p.end {
		return &Violation{File: copyName(r.Topic, r.Partition), What: "something is still published when the daemon has ended"}
	}
	if r.Offset == p.end-1 {
		c.left--
	}
	if r.Attrs.IsControl() {
		return nil
	}
	if _, err := fmt.Fprintf(p.buf, "%d\t%s\t%s\n", r.Offset, r.Key, r.Value); err != nil {
		return fmt.Errorf("verify: copy a record: %w", err)
	}
	return nil
}

func (c *copier) close() error {
	var all []error
	for _, partitions := range c.open {
		for _, p := range partitions {
			all = append(all, p.buf.Flush(), p.file.Close())
		}
	}
	return errors.Join(all...)
}
