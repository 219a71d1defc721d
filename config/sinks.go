package config

import (
	"errors"
	"slices"
	"strings"
)

// The sinks that a setting belongs to, where others don't have it.
var (
	onlyKafka   = []string{SinkKafka}
	onlyKinesis = []string{SinkKinesis}
	ordered     = []string{SinkKafka, SinkKinesis} // they keep an order in parts of what is published
)

func setPartitionBy(c *Config, text string) error {
	p := &c.Publish
	if slices.Contains([]string{PartitionTable, PartitionKey, PartitionTransaction}, text) {
		p.Partition, p.PartitionColumns = text, nil
		return nil
	}
	var columns []string
	for column := range strings.SplitSeq(text, ",") {
		column = strings.TrimSpace(column)
		if column == "" || slices.Contains(columns, column) {
			return errors.New("expected table, key, transaction, or columns with commas between, each once")
		}
		columns = append(columns, column)
	}
	p.Partition, p.PartitionColumns = PartitionColumns, columns
	return nil
}

// setDeadLetter takes what publish.url, which comes first, has a use for.
func setDeadLetter(c *Config, text string) error {
	p := &c.Publish
	switch {
	case p.Sink == SinkKinesis && !streamName.MatchString(text):
		return errors.New("expected the name of a stream: 1 to 128 of a-z A-Z 0-9 _ . -")
	case p.Sink == SinkKinesis && text == p.Kinesis.Stream:
		return errors.New("expected another stream than that of publish.url, for events that are too large there")
	case !topicName.MatchString(text) || text == "." || text == "..":
		return errors.New("expected the name of a topic: 1 to 249 of A-Z a-z 0-9 . _ -")
	}
	p.DeadLetter = text
	return nil
}

// checkSinks reports what does not go together with the sink that publish.url
// names, and what of Kafka's own keys does not.
func (l *loader) checkSinks(settings []Setting) {
	p := &l.config.Publish
	if p.Sink == "" {
		return
	}
	for _, s := range settings {
		if at, ok := l.given[s.Key]; ok && s.sinks != nil && !slices.Contains(s.sinks, p.Sink) {
			l.problems.add(at, "leave it out", "%s: only a %s: sink has it, and publish.url names a %s: one", s.Key, strings.Join(s.sinks, ": or "), p.Sink)
		}
	}
	if p.Sink == SinkKafka {
		l.checkTLS(&p.Kafka.TLS)
		l.checkSASL(p.Kafka.SASL.Mechanism)
	}
	l.checkOnce()
	if at, ok := l.given["admin.emf"]; ok && l.config.Admin.EMF && p.Sink == SinkStdout {
		l.problems.add(at, "leave it out, or publish elsewhere", "admin.emf: metrics would go to stdout, where publish.url has the events go")
	}
}
