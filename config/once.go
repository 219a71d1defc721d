package config

// checkpointKafka is the URL of a checkpoint on the brokers that are published to.
const checkpointKafka = "kafka:"

// checkOnce reports what does not go together with a checkpoint in Kafka, which
// only a transaction with the records writes. Each of the two keys turns the
// other one on.
func (l *loader) checkOnce() {
	const urlKey, onceKey, intervalKey = "checkpoint.url", "publish.exactly_once", "checkpoint.interval"
	c := &l.config
	url, hasURL := l.given[urlKey]
	once, hasOnce := l.given[onceKey]
	if l.refused[urlKey] || l.refused[onceKey] {
		return
	}
	inKafka := c.Checkpoint.URL == checkpointKafka
	k := &c.Publish.Kafka
	switch {
	case inKafka && c.Publish.Sink != SinkKafka:
		l.problems.add(url, "leave it out, or name a file", "%s: kafka: keeps it on the brokers that are published to, and publish.url names a %s: sink", urlKey, c.Publish.Sink)
		return
	case c.Publish.Sink != SinkKafka:
		return // publish.exactly_once is refused by itself, and nothing depends on it
	case inKafka && hasOnce && !k.ExactlyOnce:
		l.problems.add(once, "leave it out, or keep the checkpoint in a file",
			"%s: the checkpoint is in Kafka, where a transaction writes it together with the events, so they are published exactly once", onceKey)
	case k.ExactlyOnce && hasURL && !inKafka:
		l.problems.add(url, "leave it out, or write kafka:",
			"%s: publish.exactly_once is true, and the checkpoint can be saved in one transaction with the events in Kafka only", urlKey)
	case inKafka:
		k.ExactlyOnce = true
	}
	if at, ok := l.given[intervalKey]; ok && k.ExactlyOnce && !l.refused[intervalKey] && (c.Checkpoint.Interval < minTransaction || c.Checkpoint.Interval > maxTransaction) {
		l.problems.add(at, "", "%s: with exactly once it is the time between transactions, and from %v to %v", intervalKey, minTransaction, maxTransaction)
	}
}
