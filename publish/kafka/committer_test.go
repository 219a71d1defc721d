package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/publish/publishtest"
)

func committerBehaves(t *testing.T, broker *servers.KafkaServer) {
	number := 0
	publishtest.RunCommitter(t, func(t *testing.T) publishtest.CommitterHarness {
		number++
		name := fmt.Sprintf("committer%d", number)
		prefix := name + ".topic."
		p := acquire(t, name, at(broker.Plain))
		return publishtest.CommitterHarness{
			Harness: publishtest.Harness{
				Open: func(t *testing.T) publish.Publisher {
					c := p.open(t, kafka.Config{CreateTopics: true})
					return &renamedCommitter{&renamed{Publisher: c, prefix: prefix, topics: make(map[string]*publish.Topic)}, c}
				},
				Read:  func(t *testing.T) map[string][]string { return committed(t, broker.Plain, prefix) },
				Names: func(r *publish.Record) []string { return []string{r.Topic.Name} },
			},
			Start: p.start,
			Saved: func(t *testing.T) checkpoint.State {
				st, err := p.store.Load(t.Context())
				must(t, err)
				return st
			},
		}
	})
}

// A renamedCommitter is a renamed one that commits.
type renamedCommitter struct {
	*renamed
	commits publish.Committer
}

func (r *renamedCommitter) Commit(ctx context.Context, st checkpoint.State) error {
	return r.commits.Commit(ctx, st)
}

// What a rival with the same transactional id does to ours looks like a timeout of
// the transaction: the claim tells that there is none, and it goes on (C7.3).
func TestATransactionThatAnotherProducerEndedIsPublishedAgain(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 3, nil)
	p := acquire(t, cluster.Prefix+"shop", at(cluster.Plain))
	c := p.open(t, kafka.Config{})
	first := publishAll(t, c, name, 0, 30)
	must(t, c.Commit(t.Context(), p.at("first")))
	wantDone(t, first, nil)

	second := publishAll(t, c, name, 30, 60)
	must(t, c.Flush(t.Context()))
	rival := cluster.Client(t, kgo.TransactionalID(cluster.Prefix+"shop"))
	_, _, err := rival.ProducerID(t.Context())
	must(t, err)
	err = c.Commit(t.Context(), p.at("second"))
	if !failure.Retryable(err) {
		t.Errorf("Commit: got error %v, want a Retry", err)
	}
	if err := c.Publish(t.Context(), batch(name, "{}"), func(error) { t.Error("done was called") }); !failure.Retryable(err) {
		t.Errorf("Publish: got error %v, want a Retry", err)
	}
	must(t, c.Close())
	wantDone(t, second, errAny)

	c = p.open(t, kafka.Config{})
	p.wantSaved(t, "first")
	second = publishAll(t, c, name, 30, 60)
	must(t, c.Commit(t.Context(), p.at("second")))
	wantDone(t, second, nil)
	p.wantSaved(t, "second")
	wantEachOnce(t, committed(t, cluster.Plain, name)[""], 60)
}

func killedWithinATransaction(t *testing.T, broker *servers.KafkaServer) {
	const topic = "within"
	broker.CreateTopic(t, topic, 3, nil)
	p := acquire(t, "shop", at(broker.Plain))
	c := p.open(t, kafka.Config{})
	publishAll(t, c, topic, 0, 300)
	must(t, c.Commit(t.Context(), p.at("first")))
	publishAll(t, c, topic, 300, 600)
	must(t, c.Flush(t.Context()))
	publishAll(t, c, topic, 600, 900)
	broker.Kill(t)
	publishAll(t, c, topic, 900, 1200)
	broker.Start(t)
	must(t, c.Commit(t.Context(), p.at("second")))
	p.wantSaved(t, "second")
	wantEachOnce(t, committed(t, broker.Plain, topic)[""], 1200)
}

// The topic of the event was met, and nothing ever goes there.
func TestATransactionOfDeadLettersAloneIsCommitted(t *testing.T) {
	cluster := servers.Kafka(t)
	name, letters := cluster.Prefix+"orders", cluster.Prefix+"dead"
	cluster.CreateTopic(t, name, 1, map[string]string{"max.message.bytes": "2000"})
	cluster.CreateTopic(t, letters, 1, nil)
	p := acquire(t, cluster.Prefix+"shop", at(cluster.Plain))
	c := p.open(t, kafka.Config{DeadLetter: letters})
	large := `"` + strings.Repeat("x", 3000) + `"`
	must(t, c.Publish(t.Context(), batch(name, large), func(error) {}))
	ctx, cancel := context.WithTimeout(t.Context(), limit/2)
	defer cancel()
	must(t, c.Commit(ctx, p.at("first")))
	p.wantSaved(t, "first")
	if got := committed(t, cluster.Plain, letters)[""]; len(got) != 1 || got[0] != large {
		t.Errorf("got %d dead letters, want the one that was published", len(got))
	}
}

// A reader of committed records stands still at the oldest open transaction.
func TestCloseEndsTheTransactionSoThatReadersNeedNotWait(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	p := acquire(t, cluster.Prefix+"shop", at(cluster.Plain))
	c := p.open(t, kafka.Config{})
	publishAll(t, c, name, 0, 10)
	must(t, c.Flush(t.Context()))
	must(t, c.Close())
	must(t, result(t, open(t, kafka.Config{Cluster: at(cluster.Plain)}), batch(name, "after")))
	// The transaction itself lasts a minute.
	eventually.True(t, limit/2, "what is behind the transaction is read", func() bool {
		records := cluster.Consume(t, name, true)[0]
		return len(records) == 1 && string(records[0].Value) == "after"
	})
}

func TestNothingOfATransactionIsSeenIfABatchOfItIsRefused(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 3, nil)
	p := acquire(t, cluster.Prefix+"shop", at(cluster.Plain))
	c := p.open(t, kafka.Config{Compression: "none"})
	held := publishAll(t, c, name, 0, 30)
	must(t, c.Flush(t.Context()))
	_, err := cluster.Admin(t).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("1000")},
	}, name)
	must(t, err)
	refused := make(chan error, 1)
	eventually.True(t, limit, "the broker refuses a large record", func() bool {
		large := batch(name, strings.Repeat("x", 2000))
		return c.Publish(t.Context(), large, func(err error) {
			select {
			case refused <- err:
			default:
			}
		}) != nil
	})
	if err := within(t, refused); failure.Retryable(err) || failure.ExitCode(err) != failure.ExitStop {
		t.Errorf("got error %v, want a Stop", err)
	}
	if err := c.Commit(t.Context(), p.at("first")); failure.Retryable(err) || failure.ExitCode(err) != failure.ExitStop {
		t.Errorf("Commit: got error %v, want the same Stop", err)
	}
	must(t, c.Close())
	wantDone(t, held, errAny)
	p.wantSaved(t, "")
	wantEachOnce(t, committed(t, cluster.Plain, name)[""], 0)
}
