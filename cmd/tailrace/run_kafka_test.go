package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A kafkaSite is a pipeline from a database into a real broker. Its name begins
// all its topics, and belongs to the test on that broker.
type kafkaSite struct {
	*site
	cluster *servers.KafkaCluster
	schema  string
	exec    func(t *testing.T, sql string)
}

// partitions is how many the topic of orders has.
const partitions = 3

// newKafkaSite publishes a site's table orders.
func newKafkaSite(t *testing.T, s *site, source, schema string, exec func(t *testing.T, sql string)) *kafkaSite {
	t.Helper()
	k := &kafkaSite{s, servers.Kafka(t), schema, exec}
	s.name = k.cluster.Prefix + "shop"
	s.slot, s.config = "tailrace_"+s.name, "kafka.yaml"
	s.env = map[string]string{
		"PIPELINE": s.name, "FOLDER": s.folder, "BROKER": k.cluster.Plain, "CREATE": "true", "INTERVAL": "50ms",
		"TAILRACE_SOURCE": source, "TAILRACE_TABLES": schema + ".*",
	}
	s.topic = s.name + "." + schema + ".orders"
	k.cluster.CreateTopic(t, s.topic, partitions, nil)
	return k
}

// eachDatabase runs a test on Postgres and on each product of the MySQL family.
func eachDatabase(t *testing.T, test func(t *testing.T, k *kafkaSite)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, servers.Postgres(t, 18))
		test(t, newKafkaSite(t, s, s.source(), "public", func(t *testing.T, sql string) {
			t.Helper()
			s.db.Exec(t, sql)
		}))
	})
	eachProduct(t, func(t *testing.T, product local.Product) {
		s := newMySQLSite(t, servers.MySQL(t, product))
		test(t, newKafkaSite(t, s.site, s.source(), s.db.Name, func(t *testing.T, sql string) {
			t.Helper()
			s.db.Exec(t, sql)
		}))
	})
}

// A keyed record is what a test looks at of one.
type keyed struct {
	key, op string // op is "" for a tombstone
	ver     string
	value   string
}

// records returns those of a topic by partition, also of transactions that have
// not ended or were aborted.
func (k *kafkaSite) records(t *testing.T, topic string) [][]keyed {
	t.Helper()
	return k.consume(t, topic, false)
}

// committed returns those of a topic by partition that are not in a transaction,
// or in one that is committed.
func (k *kafkaSite) committed(t *testing.T, topic string) [][]keyed {
	t.Helper()
	return k.consume(t, topic, true)
}

func (k *kafkaSite) consume(t *testing.T, topic string, committed bool) [][]keyed {
	t.Helper()
	var all [][]keyed
	for _, partition := range k.cluster.Consume(t, topic, committed) {
		var some []keyed
		for _, r := range partition {
			var e struct{ Op, Ver string }
			if r.Value != nil {
				if err := json.Unmarshal(r.Value, &e); err != nil {
					t.Fatalf("an event in %s is no JSON: %v", topic, err)
				}
			}
			some = append(some, keyed{string(r.Key), e.Op, e.Ver, string(r.Value)})
		}
		all = append(all, some)
	}
	return all
}

func count(partitions [][]keyed) int { return len(slices.Concat(partitions...)) }

// insert adds rows with the ids from first to last, each in a transaction of its
// own.
func (k *kafkaSite) insert(t *testing.T, first, last int) {
	t.Helper()
	for id := first; id <= last; id++ {
		k.exec(t, fmt.Sprintf("INSERT INTO orders VALUES (%d, '%s')", id, rowValue))
	}
}

func TestRowsArriveInKafkaOnceAndInOrderThroughStops(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		p := k.follow(t, fromNow...)
		p.following(t)
		k.insert(t, 1, 20)
		eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) >= 20 })
		k.insert(t, 21, 40)
		p.stop(t) // in the middle of them
		k.insert(t, 41, 60)
		k.exec(t, "UPDATE orders SET note = 'x' WHERE id = 1")
		k.exec(t, "DELETE FROM orders WHERE id = 1")
		k.follow(t, "--until", "now").succeeds(t)

		got := k.records(t, k.topic)
		seen := map[string]string{}
		used := 0
		for _, partition := range got {
			used += min(len(partition), 1)
			at := ""
			for _, r := range partition {
				if r.op != "" && r.ver <= at {
					t.Errorf("ver %s comes after %s in a partition", r.ver, at)
				}
				at = max(at, r.ver)
			}
			of := map[string]string{} // operations by key, in this partition
			for _, r := range partition {
				of[r.key] += cmp.Or(r.op, "-")
			}
			for key, ops := range of {
				if there, ok := seen[key]; ok {
					t.Errorf("the key %s is in two partitions, with %s and %s", key, there, ops)
				}
				seen[key] = ops
			}
		}
		if used < 2 {
			t.Errorf("%d of %d partitions were used, want several", used, len(got))
		}
		want := map[string]string{`{"id":1}`: "cud-"}
		for id := 2; id <= 60; id++ {
			want[fmt.Sprintf(`{"id":%d}`, id)] = "c"
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("operations by key:\n got %v\nwant %v", seen, want)
		}
		for _, topic := range []string{".transactions", ".progress", ".schemas"} {
			if count(k.records(t, k.name+topic)) == 0 {
				t.Errorf("the topic %s is empty", topic)
			}
		}
	})
}

func TestAKillRepeatsWhatIsInKafkaByteForByteAndLosesNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		k.env["INTERVAL"] = "1h" // between the first save and the next
		p := k.follow(t, fromNow...)
		p.following(t)
		k.insert(t, 1, 20)
		eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) >= 20 })
		k.insert(t, 21, 40)
		eventually.True(t, patience, "the events are there", func() bool { return count(k.records(t, k.topic)) == 40 })
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		k.insert(t, 41, 60)
		k.follow(t, "--until", "now").succeeds(t)

		values, keys, again := map[string]string{}, map[string]bool{}, 0
		for _, partition := range k.records(t, k.topic) {
			last := ""
			for _, r := range partition {
				keys[r.key] = true
				was, known := values[r.ver]
				switch {
				case !known && r.ver <= last:
					t.Errorf("ver %s comes for the first time after %s", r.ver, last)
				case known && was != r.value:
					t.Errorf("ver %s came again with other bytes", r.ver)
				case known:
					again++
				}
				values[r.ver], last = r.value, max(last, r.ver)
			}
		}
		if len(values) != 60 || len(keys) != 60 || again == 0 {
			t.Errorf("got %d changes of %d rows, and %d events again; want 60 of 60, and some again", len(values), len(keys), again)
		}
	})
}

func TestNamesOfTopicsInKafkaAreEscaped(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, k *kafkaSite) {
		postgres := k.site.db != nil
		table := "`Süd.orders`"
		if postgres {
			table = `"Süd.orders"`
		}
		k.exec(t, "CREATE TABLE "+table+" (id int PRIMARY KEY)")
		if postgres {
			k.exec(t, "ALTER TABLE "+table+" OWNER TO "+k.user) // a publication takes only tables of one's own
		}
		k.follow(t, append(fromNow, "--until", "now")...).succeeds(t)
		k.exec(t, "INSERT INTO "+table+" VALUES (7)")
		k.follow(t, "--until", "now").succeeds(t)
		got := k.records(t, k.name+"."+k.schema+".S_xC3_xBCd_x2Eorders")
		if count(got) != 1 || slices.Concat(got...)[0].key != `{"id":7}` {
			t.Errorf("got %v, want the one row", got)
		}
	})
}

func TestATopicThatIsMissingIsAStopUnlessItMayBeMade(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	k := newKafkaSite(t, s, s.source(), "public", nil)
	k.env["CREATE"] = "false"
	p := k.follow(t, fromNow...)
	p.following(t)
	s.insert(t, 1, 1)
	p.exits(t, 4)
	if got, want := p.verdict(t), ` is missing; make it, or set publish.create_topics`; !strings.HasPrefix(got, "topic "+k.name+".") || !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want a topic of the pipeline and %q", got, want)
	}
	k.env["CREATE"] = "true"
	k.follow(t, "--until", "now").succeeds(t)
	if got := count(k.records(t, k.topic)); got != 1 {
		t.Errorf("events after the next start: got %d, want 1", got)
	}
}

func TestALoginOverTLSPublishes(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	k := newKafkaSite(t, s, s.source(), "public", nil)
	k.config = "kafka-login.yaml"
	k.env["BROKER"], k.env["CA"], k.env["BROKER_PASSWORD"] = k.cluster.SASL, k.cluster.CA, k.cluster.Users[local.KafkaClient]
	p := k.follow(t, fromNow...)
	p.following(t)
	s.insert(t, 1, 10)
	p.stop(t)
	k.follow(t, "--until", "now").succeeds(t)
	// Without partition_by, a partition holds the whole table.
	var used [][]keyed
	for _, partition := range k.records(t, k.topic) {
		if len(partition) > 0 {
			used = append(used, partition)
		}
	}
	if len(used) != 1 || len(used[0]) != 10 {
		t.Errorf("got %d events in %d partitions, want 10 in one", count(used), len(used))
	}
	if strings.Contains(p.stderr.String(), k.env["BROKER_PASSWORD"]) {
		t.Error("stderr shows the password of the broker")
	}
}

func TestAStartThatKafkaRefusesIsToldInOneSentence(t *testing.T) {
	t.Parallel()
	cluster := servers.Kafka(t)
	other := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(other, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		config   string
		env      map[string]string
		code     int
		from, to string // of the sentence
	}{
		{
			"nothing listens", "kafka.yaml",
			map[string]string{"BROKER": "127.0.0.1:1", "CREATE": "false"},
			4,
			"no connection within 30s: reach Kafka at HOST:PORT: ", "connect: connection refused; check host, port, network and credentials",
		},
		{
			"the password is wrong", "kafka-login.yaml",
			map[string]string{"BROKER": cluster.SASL, "CA": cluster.CA},
			4,
			"Kafka at HOST:PORT refuses the login of User:client: ", "; check publish.sasl",
		},
		{
			"the certificate is not trusted", "kafka-login.yaml",
			map[string]string{"BROKER": cluster.SASL, "CA": "/etc/ssl/certs/ca-certificates.crt"},
			4,
			"the certificate of Kafka at HOST:PORT is not trusted: ", "; check the CA in publish.tls",
		},
		{
			"the file of the authority is missing", "kafka-login.yaml",
			map[string]string{"BROKER": cluster.SASL, "CA": "/absent.pem"},
			1,
			"publish.tls.ca: read /absent.pem: no such file or directory", "",
		},
		{
			"the file of the authority holds none", "kafka-login.yaml",
			map[string]string{"BROKER": cluster.SASL, "CA": other},
			1,
			"publish.tls.ca: " + other + " holds no certificate", "; expected certificates in PEM form",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := nowhere(t, "postgres://user:"+password+"@127.0.0.1:1/db?sslmode=disable")
			s.config = c.config
			s.env["BROKER_PASSWORD"], s.env["INTERVAL"] = password, "50ms"
			for name, value := range c.env {
				s.env[name] = value
			}
			got := s.normalize(s.refused(t, c.code, fromNow...))
			if !strings.HasPrefix(got, c.from) || !strings.HasSuffix(got, c.to) {
				t.Errorf("sentence: got %q, want %q and %q", got, c.from, c.to)
			}
		})
	}
}
