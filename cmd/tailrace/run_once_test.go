package main_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// waiting is what an instance says that does not take over at once.
const waiting = "another instance holds the pipeline: waiting for a sign of life from it"

// once makes k publish exactly once.
func (k *kafkaSite) once() *kafkaSite {
	k.config = "kafka-once.yaml"
	return k
}

// position is that in the checkpoint, wherever that is.
func (k *kafkaSite) position(t *testing.T) string {
	t.Helper()
	if k.config == "kafka.yaml" {
		return string(k.state(t).Position)
	}
	store := checkpointkafka.New(checkpointkafka.Config{Pipeline: k.name, Cluster: broker.Cluster{Brokers: []string{k.cluster.Plain}}})
	st, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(st.Position)
}

// wantOnce fails unless committed readers have the rows from 1 to last, and the
// ends of their transactions, each once and in order.
func (k *kafkaSite) wantOnce(t *testing.T, last int) {
	t.Helper()
	var keys, want []string
	for _, partition := range k.committed(t, k.topic) {
		at := ""
		for _, r := range partition {
			if r.ver <= at {
				t.Errorf("ver %s comes after %s in a partition", r.ver, at)
			}
			at = r.ver
			keys = append(keys, r.op+r.key)
		}
	}
	for id := 1; id <= last; id++ {
		want = append(want, fmt.Sprintf(`c{"id":%d}`, id))
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("events: got %d, want %d\n got %q\nwant %q", len(keys), len(want), keys, want)
	}
	for topic, least := range map[string]int{".transactions": last, ".progress": 1} {
		at, n := "", 0
		for _, r := range slices.Concat(k.committed(t, k.name+topic)...) {
			if n++; r.ver < at || r.ver == at && topic == ".transactions" {
				t.Errorf("%s: ver %s comes after %s", topic, r.ver, at)
			}
			at = r.ver
		}
		if n < least || topic == ".transactions" && n > last {
			t.Errorf("%s: got %d lines, want %d", topic, n, least)
		}
	}
}

func TestKillsAndStopsLeaveEachChangeInKafkaOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.once()
		last := 0
		for _, c := range []struct {
			interval string // 30 s: the end comes in the middle of a transaction
			end      syscall.Signal
		}{
			{"200ms", syscall.SIGKILL},
			{"30s", syscall.SIGTERM},
			{"30s", syscall.SIGKILL},
			{"200ms", syscall.SIGTERM},
		} {
			k.env["INTERVAL"] = c.interval
			p := k.follow(t, fromNow...)
			if got, want := p.following(t)["checkpoint"], "kafka:"+k.name+".checkpoint"; got != want {
				t.Errorf("checkpoint in the start line: got %v, want %s", got, want)
			}
			if n := len(p.lines(t, waiting)); n > 0 {
				t.Errorf("it waited for its predecessor, which has ended")
			}
			before := count(k.records(t, k.topic))
			k.insert(t, last+1, last+20)
			eventually.True(t, patience, "events are there", func() bool { return count(k.records(t, k.topic)) >= before+10 })
			p.signal(t, c.end)
			if code := p.wait(t); c.end == syscall.SIGTERM && code != 0 {
				t.Errorf("exit code: got %d, want 0", code)
			}
			k.insert(t, last+21, last+25)
			last += 25
		}
		k.follow(t, "--until", "now").succeeds(t)
		k.wantOnce(t, last)
		if got := count(k.records(t, k.topic)); got <= last {
			t.Errorf("got %d events with those of aborted transactions, want more than %d", got, last)
		}
	})
}

func TestASecondInstanceIsRefusedWhileTheFirstOneLives(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	k := newKafkaSite(t, s, s.source(), "public", nil).once()
	k.env["INTERVAL"] = "200ms"
	first := k.follow(t, fromNow...)
	first.following(t)
	second := k.follow(t, fromNow...)
	second.exits(t, 3)
	if got, want := second.verdict(t), "pipeline "+k.name+" is held by "; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q in it", got, want)
	}
	s.insert(t, 1, 10)
	first.stop(t)
	k.follow(t, "--until", "now").succeeds(t)
	k.wantOnce(t, 10)
}

func TestAFrozenInstanceThatWasReplacedWritesNothingAndEnds(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.once()
		k.env["INTERVAL"] = "30s"
		first := k.follow(t, fromNow...)
		first.following(t)
		k.insert(t, 1, 10)
		eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) == 10 })
		first.signal(t, syscall.SIGSTOP)
		k.env["INTERVAL"] = "200ms"
		second := k.follow(t, fromNow...)
		second.following(t)
		if len(second.lines(t, waiting)) == 0 {
			t.Error("it did not wait for a sign of life")
		}
		k.insert(t, 11, 20)
		eventually.True(t, patience, "the events are committed", func() bool { return count(k.committed(t, k.topic)) == 20 })
		first.signal(t, syscall.SIGCONT)
		first.exits(t, 3)
		if got, want := first.verdict(t), "pipeline "+k.name+" was taken over by "; !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
		k.insert(t, 21, 25)
		second.stop(t)
		k.follow(t, "--until", "now").succeeds(t)
		k.wantOnce(t, 25)
	})
}

// The connection is lost while a transaction is open, and then the transaction:
// to the instance that looks as if another one had taken its place.
func TestALostConnectionAndALostTransactionLeaveEachChangeInKafkaOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	k := newKafkaSite(t, s, s.source(), "public", nil).once()
	k.env["INTERVAL"] = "30s"
	p := k.follow(t, fromNow...)
	p.following(t)
	s.insert(t, 1, 10)
	eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) == 10 })
	s.db.Exec(t, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '"+s.slot+"'")
	eventually.True(t, patience, "what was read is committed", func() bool { return count(k.committed(t, k.topic)) == 10 })
	s.insert(t, 11, 20)
	eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) == 20 })
	rival := k.cluster.Client(t, kgo.TransactionalID(k.name))
	if _, _, err := rival.ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.insert(t, 21, 30)
	eventually.True(t, patience, "the events are there again", func() bool { return count(k.records(t, k.topic)) >= 40 })
	p.stop(t)
	k.follow(t, "--until", "now").succeeds(t)
	k.wantOnce(t, 30)
}

// Rows that are read are in the same transactions as changes.
func TestRowsThatWereThereComeOnceToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.db.Exec(t, fmt.Sprintf("INSERT INTO orders SELECT n, '%s' FROM generate_series(1, 5000) n", rowValue))
	k := newKafkaSite(t, s, s.source(), "public", nil).once()
	k.env["INTERVAL"] = "200ms"
	k.follow(t, "--snapshot", "only").succeeds(t)
	if got, want := count(k.committed(t, k.topic)), 5001; got != want {
		t.Errorf("records: got %d, want %d, each row once", got, want)
	}
}

// TestAKeyStaysInItsPartition is of the numbers of partitions in the checkpoint,
// wherever that is.
func TestAKeyStaysInItsPartition(t *testing.T) {
	t.Parallel()
	for _, config := range []string{"kafka.yaml", "kafka-once.yaml"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, servers.Postgres(t, 18))
			k := newKafkaSite(t, s, s.source(), "public", nil)
			k.config, k.env["INTERVAL"] = config, "200ms"
			p := k.follow(t, fromNow...)
			p.following(t)
			s.insert(t, 1, 20)
			eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) == 20 })
			p.stop(t)

			const more = partitions + 4
			admin := k.cluster.Admin(t)
			if _, err := admin.CreatePartitions(t.Context(), more-partitions, k.topic); err != nil {
				t.Fatal(err)
			}
			eventually.True(t, patience, "the partitions are there", func() bool {
				topics, err := admin.ListTopics(t.Context(), k.topic)
				return err == nil && len(topics[k.topic].Partitions) == more
			})
			p = k.follow(t)
			p.following(t)
			s.db.Exec(t, "UPDATE orders SET note = 'x' WHERE id > 0")
			p.logs(t, "a topic has more partitions than are used: with the others the order of a key would be lost")
			p.stop(t)
			k.follow(t, "--until", "now").succeeds(t)
			used := 0
			for n, partition := range k.committed(t, k.topic) {
				used += min(len(partition), 1)
				ops := map[string]string{}
				for _, r := range partition {
					ops[r.key] += r.op
				}
				for key, got := range ops {
					if got != "cu" || n >= partitions {
						t.Errorf("partition %d has %q of the key %s, want cu in one of the first %d", n, got, key, partitions)
					}
				}
			}

			if used < 2 {
				t.Errorf("%d partitions were used, want several", used)
			}

			// Fewer are a Stop, and a start elsewhere accepts them.
			if _, err := admin.DeleteTopics(t.Context(), k.topic); err != nil {
				t.Fatal(err)
			}
			eventually.True(t, patience, "the topic is made anew", func() bool {
				_, err := admin.CreateTopic(t.Context(), partitions-1, 1, nil, k.topic)
				return err == nil
			})
			s.insert(t, 21, 21)
			p = k.follow(t)
			p.exits(t, 4)
			if got, want := p.verdict(t), fmt.Sprintf("topic %s has %d partitions and had %d before", k.topic, partitions-1, partitions); !strings.HasPrefix(got, want) {
				t.Errorf("got %q, want %q at its beginning", got, want)
			}
			k.follow(t, "--from", k.position(t), "--until", "now").succeeds(t)
			if got := slices.Concat(k.committed(t, k.topic)...); len(got) != 1 || got[0].key != `{"id":21}` {
				t.Errorf("events in the new topic: got %v, want that of the row 21", got)
			}
		})
	}
}
