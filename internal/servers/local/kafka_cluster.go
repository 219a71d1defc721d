package local

import (
	"context"
	"errors"
	"maps"
)

// A KafkaCluster is brokers that keep copies of each other's partitions, and a
// controller of their own that makes one of them the leader of each. The
// controller is never touched, so that there is an election whatever happens to
// the brokers.
type KafkaCluster struct {
	Brokers []*Kafka // with the ids 1, 2, 3

	controller *Kafka
}

// members is how many brokers a cluster has: the least of which one may be lost
// while two keep each record.
const members = 3

// StartKafkaCluster is StartKafka for a cluster of three brokers, whose topics
// have three replicas and of which two must be in sync. It takes ten seconds and
// 1.5 GiB of memory.
func StartKafkaCluster(ctx context.Context, settings map[string]string) (*KafkaCluster, error) {
	all := map[string]string{
		"offsets.topic.replication.factor":                 "3",
		"transaction.state.log.replication.factor":         "3",
		"transaction.state.log.min.isr":                    "2",
		"share.coordinator.state.topic.replication.factor": "3",
		"share.coordinator.state.topic.min.isr":            "2",
		"min.insync.replicas":                              "2",
		"default.replication.factor":                       "3",
	}
	maps.Copy(all, settings)
	const voter = 100
	id := newKafkaID()
	controller := &Kafka{KafkaAddress: KafkaAddress{ClusterID: id}, node: voter, role: kafkaController, voter: voter}
	if err := controller.begin(ctx, all); err != nil {
		return nil, err
	}
	c := &KafkaCluster{controller: controller}
	// One after the other: on a busy machine each has all of its time to start.
	for i := range members {
		k := &Kafka{
			KafkaAddress: KafkaAddress{ClusterID: id},
			node:         i + 1, role: kafkaBroker, voter: voter, controller: controller.controller,
		}
		if err := k.begin(ctx, all); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.Brokers = append(c.Brokers, k)
	}
	return c, nil
}

// Plain returns where the brokers listen without TLS and without a login.
func (c *KafkaCluster) Plain() []string {
	var all []string
	for _, k := range c.Brokers {
		all = append(all, k.Plain)
	}
	return all
}

// Close ends the brokers and the controller in whatever state they are and
// removes their folders. It must be called once.
func (c *KafkaCluster) Close() error {
	var err error
	for _, k := range append(c.Brokers, c.controller) {
		err = errors.Join(err, k.Close())
	}
	return err
}
