package kafka

import (
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/broker"
)

// Config says which cluster to publish to and how. Its zero values are the
// defaults, but for Cluster.Brokers.
type Config struct {
	Cluster broker.Cluster
	// Compression of record batches: none, snappy, lz4 or zstd; "" is snappy.
	Compression string
	// Linger is how long a batch that is not full waits for more records. With
	// 0, batches form only while earlier ones are on their way.
	Linger time.Duration
	// CreateTopics makes topics that are missing, with the brokers' defaults.
	CreateTopics bool
	// DeadLetter is the topic for records that are larger than their own topic
	// takes; "" makes such a record an error of the class Stop.
	DeadLetter string
	// Partitions is by how many partitions the records of a topic were spread
	// so far, as Publisher.Partitions reported it; nil if nothing is known.
	Partitions map[string]int32
	Log        *zap.Logger // nil for none
}
