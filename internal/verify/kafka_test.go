package verify_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/verify"
)

// produce publishes the records of files in a transaction, which is aborted or
// committed.
func produce(t *testing.T, broker *servers.KafkaServer, s *sink, files []string, how kgo.TransactionEndTry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := broker.Client(t, kgo.TransactionalID("shop"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		topic, partition := strings.TrimSuffix(file, ".tsv")[:len(file)-6], int32(file[len(file)-5]-'0')
		for _, line := range s.events[file] {
			f := strings.Split(line, "\t")
			r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(f[1]), Value: []byte(f[2])}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := client.EndTransaction(ctx, how); err != nil {
		t.Fatal(err)
	}
}

func TestWhatKafkaHoldsIsCopiedAndVerified(t *testing.T) {
	broker := servers.NewKafka(t, nil)
	s := goodKafka(t, verify.ByKey)
	for file := range s.events {
		if topic, first := strings.CutSuffix(file, "-0.tsv"); first {
			broker.CreateTopic(t, topic, partitions, nil)
		}
	}
	broker.CreateTopic(t, "shops.transactions", 1, nil) // another pipeline's
	produce(t, broker, s, []string{part(0)}, kgo.TryAbort)
	produce(t, broker, s, slices.Sorted(maps.Keys(s.events)), kgo.TryCommit)

	t.Run("what was aborted is no change to those who read what is committed", func(t *testing.T) {
		got, err := s.verifyFolder(t, copied(t, broker, true))
		if err != nil {
			t.Fatal(err)
		}
		got.Bytes = 0
		if want := (verify.Report{Events: 9, Transactions: 4, Marks: 2, Rows: 4}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("what was aborted is found to be there twice if it is counted", func(t *testing.T) {
		_, err := s.verifyFolder(t, copied(t, broker, false))
		var v *verify.Violation
		if !errors.As(err, &v) || v.File != part(0) || !strings.Contains(v.What, "sent again, in run 1, with at most 0") {
			t.Errorf("got %v, want a violation in %s", err, part(0))
		}
	})
	t.Run("claims are kept with the ends of the partitions", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen := &counted{Sink: opened(t, broker, true), enough: cancel}
		fences, err := verify.Watch(ctx, seen, "")
		if err != nil {
			t.Fatal(err)
		}
		// An aborted record and the two marks of transactions take offsets too.
		if f := fences[len(fences)-1]; f.Below != below(0x2000) || f.Sizes[part(0)] != 10 || f.Sizes[part(2)] != 0 {
			t.Errorf("got %+v, want the newest progress and the ends of the partitions", f)
		}
	})
	t.Run("a broker that is down has no ends", func(t *testing.T) {
		k := opened(t, broker, false)
		broker.Kill(t)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if sizes, err := k.Sizes(ctx); sizes != nil || err != nil {
			t.Errorf("got %v and %v, want nothing", sizes, err)
		}
		broker.Start(t)
		eventually.True(t, time.Minute, "the ends are told again", func() bool {
			sizes, err := k.Sizes(t.Context())
			return err == nil && sizes[part(0)] == 10
		})
	})
}

// counted is a sink that says when its newest progress was asked for its sizes.
type counted struct {
	verify.Sink
	told   string
	enough func()
}

func (c *counted) Progress(ctx context.Context) (ver string, err error) {
	if c.told == below(0x2000) {
		c.enough()
	}
	c.told, err = c.Sink.Progress(ctx)
	return c.told, err
}

func opened(t *testing.T, broker *servers.KafkaServer, committed bool) *verify.Kafka {
	t.Helper()
	k, err := verify.OpenKafka(broker.Plain, "shop", committed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// copied returns the folder that the broker's records are copied to.
func copied(t *testing.T, broker *servers.KafkaServer, committed bool) string {
	t.Helper()
	folder := t.TempDir()
	if err := opened(t, broker, committed).Copy(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	return folder
}
