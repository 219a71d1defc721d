package kafka_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/servers"
)

// contents returns the names of all topics of a cluster whose names begin with a
// prefix, and how many records each has.
func contents(t *testing.T, c *servers.KafkaCluster, prefix string) string {
	t.Helper()
	all, err := c.Admin(t).ListTopicsWithInternal(t.Context())
	must(t, err)
	var text []string
	for _, name := range all.Names() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		ends, err := c.Admin(t).ListEndOffsets(t.Context(), name)
		must(t, err)
		ends.Each(func(o kadm.ListedOffset) {
			text = append(text, fmt.Sprintf("%s/%d: %d", o.Topic, o.Partition, o.Offset))
		})
	}
	slices.Sort(text)
	return strings.Join(text, "\n")
}

func TestCheckReadsTheStateAndChangesNothing(t *testing.T) {
	p := newPlace(t)
	check := func(position string) {
		t.Helper()
		before := contents(t, p.cluster, p.cluster.Prefix)
		st, err := p.store(t, forever).Check(t.Context())
		if err != nil || string(st.Position) != position {
			t.Errorf("got position %q, %v, want %q", st.Position, err, position)
		}
		if got := contents(t, p.cluster, p.cluster.Prefix); got != before {
			t.Errorf("topics: got\n%s\nwant, as before,\n%s", got, before)
		}
	}
	check("") // without a topic
	s := p.store(t, forever)
	st := acquire(t, s)
	save(t, s, st, "lsn:0/1")
	must(t, s.Close())
	check("lsn:0/1")
}

func TestCheckSaysWhetherTheOwnerLives(t *testing.T) {
	p := newPlace(t)
	owner := p.store(t, short) // gives a sign of life three times a second
	st := acquire(t, owner)
	st = save(t, owner, st, "lsn:0/1")
	got, err := p.store(t, limit).Check(t.Context())
	wantFenced(t, err)
	if got.Position != "lsn:0/1" || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("got position %q and %v, want what is saved, and this process", got.Position, err)
	}
	save(t, owner, st, "lsn:0/2") // it was not disturbed
	must(t, owner.Close())

	// One that was lost with its machine.
	p.write(t, "claim", []byte(`{"id":"x","generation":9,"host":"elsewhere","process":7}`))
	core, logs := observer.New(zap.WarnLevel)
	s := kafka.New(kafka.Config{Pipeline: p.pipeline, Lease: short, Cluster: broker.Cluster{Brokers: []string{p.cluster.Plain}}, Log: zap.New(core)})
	got, err = s.Check(t.Context())
	if err != nil || got.Position != "lsn:0/2" {
		t.Errorf("got position %q and %v, want lsn:0/2", got.Position, err)
	}
	if lines := logs.FilterMessageSnippet(`process 7 on host "elsewhere" holds the pipeline and gives no sign of life`).Len(); lines != 1 {
		t.Errorf("log: got %v, want one line of the owner that is silent", logs.All())
	}
}

func TestCheckRefusesATopicAsAcquireDoes(t *testing.T) {
	for _, c := range []struct {
		name       string
		partitions int32
		settings   map[string]string
		state      string
		phrases    []string
	}{
		{"that would delete the State", 1, map[string]string{"cleanup.policy": "delete"}, "", []string{"cleanup.policy=delete", "set it to compact"}},
		{"with several partitions", 2, map[string]string{"cleanup.policy": "compact"}, "", []string{"has 2 partitions"}},
		{"with a State that is damaged", 1, map[string]string{"cleanup.policy": "compact"}, "hello", []string{"damaged", "--from"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.cluster.CreateTopic(t, p.topic, c.partitions, c.settings)
			if c.state != "" {
				p.write(t, "state", []byte(c.state))
			}
			st, err := p.store(t, forever).Check(t.Context())
			wantStop(t, err, append(c.phrases, p.topic)...)
			if st.Position != "" {
				t.Errorf("got position %q, want none", st.Position)
			}
		})
	}
}
