package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kafka is a broker that a daemon publishes to. While the broker is down, Sizes
// can't be told and Progress is what it was.
type Kafka struct {
	client    *kgo.Client // follows progress
	admin     *kadm.Client
	broker    string
	prefix    string // of the pipeline's topics
	isolation kgo.IsolationLevel

	progress string
}

var _ Sink = (*Kafka)(nil)

// patience is how long a broker that is up may take for an answer.
const patience = 10 * time.Second

// OpenKafka returns what the pipeline with this name publishes to the broker at
// an address, which need not answer yet. committed leaves out what is not
// committed, as consumers do who ask for that. The caller calls Close.
func OpenKafka(broker, name string, committed bool) (*Kafka, error) {
	k := &Kafka{broker: broker, prefix: name + ".", isolation: kgo.ReadUncommitted()}
	if committed {
		k.isolation = kgo.ReadCommitted()
	}
	var err error
	k.client, err = kgo.NewClient(
		kgo.SeedBrokers(broker), kgo.ConsumeTopics(k.prefix+"progress"), kgo.FetchIsolationLevel(k.isolation),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second),
	)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	k.admin = kadm.NewClient(k.client)
	return k, nil
}

// Close disconnects.
func (k *Kafka) Close() { k.client.Close() }

// Sizes returns the offsets behind the last records, committed or not: what is
// committed is visible in one partition earlier than in another.
func (k *Kafka) Sizes(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ends, err := k.admin.ListEndOffsets(ctx)
	if err != nil || ends.Error() != nil {
		return nil, nil // the broker is down
	}
	sizes := make(map[string]int64)
	ends.Each(func(o kadm.ListedOffset) {
		if strings.HasPrefix(o.Topic, k.prefix) {
			sizes[copyName(o.Topic, o.Partition)] = o.Offset
		}
	})
	return sizes, nil
}

// Progress takes what has come meanwhile.
func (k *Kafka) Progress(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	for _, r := range k.client.PollFetches(ctx).Records() {
		var mark struct {
			Ver string `json:"ver"`
		}
		if err := json.Unmarshal(r.Value, &mark); err != nil {
			return "", &Violation{File: r.Topic, What: fmt.Sprintf("offset %d is no progress record", r.Offset)}
		}
		k.progress = mark.Ver
	}
	return k.progress, nil
}
