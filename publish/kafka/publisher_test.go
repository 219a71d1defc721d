package kafka_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/publish/publishtest"
)

func publisherBehaves(t *testing.T, broker *servers.KafkaServer) {
	brokers := []string{broker.Plain}
	number := 0
	publishtest.Run(t, func(t *testing.T) publishtest.Harness {
		number++
		prefix := fmt.Sprintf("publisher%d.", number)
		return publishtest.Harness{
			Open: func(t *testing.T) publish.Publisher {
				return &renamed{
					Publisher: open(t, kafka.Config{Cluster: at(brokers...), CreateTopics: true}),
					prefix:    prefix,
					topics:    make(map[string]*publish.Topic),
				}
			},
			Read: func(t *testing.T) map[string][]string {
				all, err := broker.Admin(t).ListTopics(t.Context())
				must(t, err)
				var names []string
				for _, name := range all.Names() {
					if strings.HasPrefix(name, prefix) {
						names = append(names, name)
					}
				}
				got := make(map[string][]string)
				if len(names) == 0 {
					return got
				}
				for name, records := range stored(t, brokers, names...) {
					got[strings.TrimPrefix(name, prefix)] = values(records)
				}
				return got
			},
			Names: func(r *publish.Record) []string { return []string{r.Topic.Name} },
		}
	})
}

// A renamed Publisher has topics of its own on a broker that others use.
type renamed struct {
	publish.Publisher
	prefix string
	topics map[string]*publish.Topic
}

func (r *renamed) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	for i := range b.Records {
		topic := b.Records[i].Topic
		if r.topics[topic.Name] == nil {
			r.topics[topic.Name] = &publish.Topic{Name: r.prefix + topic.Name, Channel: topic.Channel}
		}
		b.Records[i].Topic = r.topics[topic.Name]
	}
	return r.Publisher.Publish(ctx, b, done)
}

func TestRecordsAreStoredAsTheyAre(t *testing.T) {
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, 1, nil)
	for _, compression := range []string{"none", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			p := open(t, kafka.Config{Cluster: at(cluster.Plain), Compression: compression})
			when := time.UnixMilli(1795255200123)
			b := &publish.Batch{Time: when}
			topic := &publish.Topic{Name: name}
			long := strings.Repeat(compression, 20_000)
			b.Add(topic, 0, []byte(`{"id":1}`), []byte(long))
			b.Add(topic, 0, []byte(`{"id":1}`), nil)
			b.Add(topic, 0, nil, []byte("no key"))
			must(t, result(t, p, b))
			got := stored(t, []string{cluster.Plain}, name)[name]
			got = got[len(got)-3:]
			if string(got[0].Key) != `{"id":1}` || string(got[0].Value) != long {
				t.Errorf("got key %q and %d bytes, want the key and %d bytes as published", got[0].Key, len(got[0].Value), len(long))
			}
			if string(got[1].Key) != `{"id":1}` || got[1].Value != nil {
				t.Errorf("got key %q and value %v, want a tombstone, whose value is null", got[1].Key, got[1].Value)
			}
			if got[2].Key != nil || string(got[2].Value) != "no key" {
				t.Errorf("got key %v and value %q, want a null key", got[2].Key, got[2].Value)
			}
			for i, r := range got {
				if !r.Timestamp.Equal(when) {
					t.Errorf("record %d has the timestamp %v, want the batch's, %v", i, r.Timestamp, when)
				}
			}
		})
	}
}

func TestAnEmptyValueIsATombstoneOnlyAmongEvents(t *testing.T) {
	cluster := servers.Kafka(t)
	p := open(t, kafka.Config{Cluster: at(cluster.Plain), CreateTopics: true})
	b := new(publish.Batch)
	topic := &publish.Topic{Name: cluster.Prefix + "progress", Channel: publish.Progress}
	b.Add(topic, 0, []byte("key"), nil)
	must(t, result(t, p, b))
	if got := stored(t, []string{cluster.Plain}, topic.Name)[topic.Name][0].Value; got == nil {
		t.Error("got a null value, want an empty one")
	}
}

// The hashes are those of murmur2's own test, which are from Kafka's; the
// partition is what the Java client's built-in partitioner makes of them:
// Utils.toPositive(Utils.murmur2(key)) % numPartitions.
func TestAPartitionIsThatOfKafkasJavaClient(t *testing.T) {
	java := map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	const partitions = 7
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, partitions, nil)
	p := open(t, kafka.Config{Cluster: at(cluster.Plain)})
	b := new(publish.Batch)
	topic := &publish.Topic{Name: name}
	for key, hash := range java {
		b.Add(topic, murmur2.Sum([]byte(key)), []byte(key), []byte("sum"))
		b.Add(topic, uint32(hash), []byte(key), []byte("with the sign")) // of a hash that nobody made positive
	}
	must(t, result(t, p, b))
	got := stored(t, []string{cluster.Plain}, name)[name]
	if len(got) != 2*len(java) {
		t.Fatalf("got %d records, want %d", len(got), 2*len(java))
	}
	for _, r := range got {
		if want := (java[string(r.Key)] & 0x7fffffff) % partitions; r.Partition != want {
			t.Errorf("the record of key %s (%s) is in partition %d, want %d", r.Key, r.Value, r.Partition, want)
		}
	}
	// franz-go has a partitioner of its own that claims the same.
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic(name)
	for key := range java {
		got := int(murmur2.Sum([]byte(key)) % partitions)
		if want := theirs.Partition(&kgo.Record{Key: []byte(key)}, partitions); got != want {
			t.Errorf("key %s: got partition %d, franz-go chooses %d", key, got, want)
		}
	}
}

func TestARecordForAllPartitionsIsInEachOnceAndInOrder(t *testing.T) {
	const partitions = 5
	cluster := servers.Kafka(t)
	name := cluster.Prefix + "orders"
	cluster.CreateTopic(t, name, partitions, nil)
	p := open(t, kafka.Config{Cluster: at(cluster.Plain)})
	b := new(publish.Batch)
	topic := &publish.Topic{Name: name}
	for hash := range uint32(partitions) {
		b.Add(topic, hash, []byte("key"), []byte("before"))
	}
	b.Add(topic, 0, nil, []byte("truncate"))
	b.Records[partitions].All = true
	for hash := range uint32(partitions) {
		b.Add(topic, hash, []byte("key"), []byte("after"))
	}
	must(t, result(t, p, b))
	for n, records := range cluster.Consume(t, name, false) {
		if got, want := values(records), []string{"before", "truncate", "after"}; !slices.Equal(got, want) {
			t.Errorf("partition %d holds %q, want %q", n, got, want)
		}
	}
}
