package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/transform"
)

var update = flag.Bool("update", false, "write the expected files anew")

// canary stands in every secret place of the tests and must never come out.
const canary = "canary"

func testEnv(name string) (string, bool) {
	text, ok := map[string]string{
		"DB_PASSWORD": canary + "/@:?#%",
		"URL":         "postgres://tailrace:" + canary + "@db.internal/shop?sslmode=disable",
		"CREATE":      "false",
		"DIR":         "/var/lib",
		"SUB":         "a b/c?d",
		"MEMORY":      "1GiB",
		"SERVER_ID":   "77",
		"STREAM":      "shop",
		"ENDPOINT":    "https://[::1]:443",
		"EMPTY":       "",
	}[name]
	return text, ok
}

func noEnv(string) (string, bool) { return "", false }

func TestLoadGoodFiles(t *testing.T) {
	tests := []struct {
		file   string
		url    string
		change func(c *config.Config) // from the defaults
	}{
		{"full", "postgres://tailrace:canary%2F%40%3A%3F%23%25@db.internal:5433/shop?sslmode=verify-full", func(c *config.Config) {
			c.Name = "shop"
			c.Source.Tables = []string{"public.*", "!public.audit_*"}
			c.Source.InsertOnly = []string{"public.log"}
			c.Source.Snapshot = config.SnapshotNever
			c.Snapshot = config.Snapshot{Connections: 8, RowsPerSecond: 5000, Chunk: 500 * time.Millisecond, MaxLag: 30 * time.Second}
			c.Source.Postgres = config.Postgres{Slot: "own_slot", Publication: "Own Publication"}
			c.Publish.URL, c.Publish.Sink, c.Publish.Dir = "file:///var/lib/tail%20race", config.SinkFile, "/var/lib/tail race"
			c.Publish.Topic = topic(t, "cdc.{db}.{table}")
			c.Checkpoint = config.Checkpoint{URL: "file:state/shop.json", Path: "state/shop.json", Interval: 500 * time.Millisecond}
			c.Limits = config.Limits{Memory: 64 << 20, Drain: 5 * time.Second}
			c.Admin = config.Admin{Listen: "[::1]:9000", Snapshots: config.SnapshotsAnywhere}
			c.Log = config.Log{Level: "debug", Format: "json"}
			c.Values = config.Values{JSON: config.JSONText, Infinity: config.InfinityNull, InvalidText: config.InvalidTextReplace, ZeroDates: config.ZeroDatesText}
		}},
		{"mysql", "mysql://tailrace:canary%2F%40%3A%3F%23%25@db.internal:3306/?tls=verify-full&tls_ca=/etc/ca.pem&tls_cert=/etc/c.pem&tls_key=/etc/k.pem&connect_timeout=5", func(c *config.Config) {
			c.Name = "shop"
			c.Source.Kind = config.SourceMySQL
			c.Source.Tables = []string{"shop.*", "!shop.audit_*"}
			c.Source.Snapshot = config.SnapshotOnly
			c.Source.MySQL = config.MySQL{ServerID: 4294967295, Positions: config.PositionsFile}
			c.Source.Postgres.Slot, c.Source.Postgres.Publication = "tailrace_shop", "tailrace_shop"
			c.Publish.URL, c.Publish.Sink = "stdout:", config.SinkStdout
			c.Checkpoint.URL, c.Checkpoint.Path = "file:./tailrace-shop.json", "./tailrace-shop.json"
			c.Limits.SpillDir = "/var/tmp/tailrace"
			c.Values.ZeroDates = config.ZeroDatesNull
		}},
		{"mariadb", "mariadb://tailrace:canary%2F%40%3A%3F%23%25@/shop?socket=/run/mysqld/mysqld.sock", func(c *config.Config) {
			c.Source.Kind = config.SourceMariaDB
			c.Source.MySQL.ServerID = 77
			c.Publish.URL, c.Publish.Sink = "stdout:", config.SinkStdout
		}},
		{"kafka", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kafka://h1:9092,h2:9093", config.SinkKafka
			c.Publish.Partition, c.Publish.PartitionColumns, c.Publish.DeadLetter = config.PartitionColumns, []string{"customer", "region"}, "too_large"
			c.Publish.Kafka = config.Kafka{
				Brokers: []string{"h1:9092", "h2:9093"}, Tombstones: true,
				Compression: "zstd", Linger: 5 * time.Millisecond, CreateTopics: true,
				TLS:  config.TLS{Enabled: true, CA: "/etc/ca.pem", Cert: "/etc/c.pem", Key: "/etc/k.pem"},
				SASL: config.SASL{Mechanism: "SCRAM-SHA-512", User: "tailrace", Password: config.NewSecret("canary/@:?#%")},
			}
		}},
		{"kafka-token", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kafka://h", config.SinkKafka
			c.Publish.Kafka.Brokers, c.Publish.Partition = []string{"h:9092"}, config.PartitionKey
			c.Publish.Kafka.TLS.Enabled = true
			c.Publish.Kafka.SASL = config.SASL{Mechanism: "OAUTHBEARER", TokenFile: "/run/token"}
		}},
		{"once", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink, c.Publish.Truncate = "kafka://h", config.SinkKafka, config.TruncateControl
			c.Publish.Kafka.Brokers, c.Publish.Kafka.ExactlyOnce = []string{"h:9092"}, true
			c.Checkpoint.URL, c.Checkpoint.Path = "kafka:", ""
		}},
		{"once-checkpoint", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kafka://h", config.SinkKafka
			c.Publish.Kafka.Brokers, c.Publish.Kafka.ExactlyOnce = []string{"h:9092"}, true
			c.Checkpoint = config.Checkpoint{URL: "kafka:", Interval: 100 * time.Millisecond}
		}},
		{"kinesis", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kinesis://shop_events.v1?region=eu-west-1&endpoint=http://localhost:4567", config.SinkKinesis
			c.Publish.Kinesis = config.Kinesis{Stream: "shop_events.v1", Region: "eu-west-1", Endpoint: "http://localhost:4567", Packing: config.PackingKPL}
			c.Publish.Partition, c.Publish.PartitionColumns, c.Publish.DeadLetter = config.PartitionColumns, []string{"customer", "region"}, "too-large"
			c.Admin.EMF = true
		}},
		{"kinesis-least", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kinesis://A-1", config.SinkKinesis
			c.Publish.Kinesis.Stream = "A-1"
		}},
		{"kinesis-references", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "kinesis://shop?endpoint=https%3A%2F%2F%5B%3A%3A1%5D%3A443", config.SinkKinesis
			c.Publish.Kinesis = config.Kinesis{Stream: "shop", Endpoint: "https://[::1]:443", Packing: config.PackingNone}
		}},
		{"least", "postgres://tailrace@localhost/shop", func(c *config.Config) {
			c.Publish.URL, c.Publish.Sink = "stdout:", config.SinkStdout
		}},
		{"references", "postgres://tailrace:canary@db.internal/shop?sslmode=disable", func(c *config.Config) {
			c.Source.Postgres.Create = false
			c.Publish.URL, c.Publish.Sink, c.Publish.Dir = "file:///var/lib/a%20b/c%3Fd", config.SinkFile, "/var/lib/a b/c?d"
			c.Limits.Memory = 1 << 30
		}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got, err := config.Load(filepath.Join("testdata", tt.file+".good.yaml"), testEnv, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := config.Default()
			want.Source.URL, want.Source.Kind = config.NewSecret(tt.url), config.SourcePostgres
			tt.change(&want)
			if got.Source.URL.Reveal() != tt.url {
				t.Errorf("source: got %q, want %q", got.Source.URL.Reveal(), tt.url)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestEveryGoodFileIsLoaded(t *testing.T) {
	for _, path := range glob(t, "testdata/*.good.yaml") {
		if _, err := config.Load(path, testEnv, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLoadRefusesBadFiles(t *testing.T) {
	for _, path := range glob(t, "testdata/*.bad.yaml") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".bad.yaml"), func(t *testing.T) {
			_, err := config.Load(path, testEnv, nil)
			if err == nil {
				t.Fatal("got no error")
			}
			if code := failure.ExitCode(err); code != failure.ExitUsage {
				t.Errorf("exit code: got %d, want %d", code, failure.ExitUsage)
			}
			got := strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "") + "\n"
			if strings.Contains(got, canary) {
				t.Errorf("a secret is in the error: %s", got)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".txt", got)
		})
	}
}

func TestEachProblemIsAnErrorOfItsOwn(t *testing.T) {
	_, err := config.Load("testdata/out-of-rule.bad.yaml", testEnv, nil)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %T, want joined errors", err)
	}
	for _, err := range joined.Unwrap() {
		var stop *failure.StopError
		if !errors.As(err, &stop) || stop.Code != failure.ExitUsage {
			t.Errorf("got %v, which is not of class Usage", err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("got %q, which is more than one line", err)
		}
	}
}

func TestAFileThatCanNotBeRead(t *testing.T) {
	_, err := config.Load("testdata/absent.yaml", noEnv, nil)
	if err == nil {
		t.Fatal("got no error")
	}
	if got, want := err.Error(), "read configuration testdata/absent.yaml: no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := failure.ExitCode(err); got != failure.ExitUsage {
		t.Errorf("exit code: got %d, want %d", got, failure.ExitUsage)
	}
}

func TestReferenceIsCurrent(t *testing.T) {
	golden(t, filepath.Join("..", "docs", "configuration.md"), config.Reference())
}

func TestDefaultsInTheReferenceAreTheDefaults(t *testing.T) {
	for _, s := range config.Settings() {
		if s.Default == "" || strings.Contains(s.Default, " ") {
			continue
		}
		flags := required()
		if strings.HasPrefix(s.Key, "source.mysql.") {
			flags[0].Value = "mysql://u@h/"
		}
		switch {
		case strings.HasPrefix(s.Meaning, "Kafka"):
			flags[1].Value = "kafka://h"
		case strings.HasPrefix(s.Meaning, "Kinesis"):
			flags[1].Value = "kinesis://s"
		}
		want := load(t, noEnv, flags)
		got, err := config.Load("", noEnv, append(flags, config.Override{Key: s.Key, Value: s.Default, Origin: "--x"}))
		if err != nil {
			t.Errorf("%s: %v", s.Key, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the default in the table is not that of Default", s.Key)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not current (run with -update)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: got %d files, %v", pattern, len(paths), err)
	}
	return paths
}

func topic(t *testing.T, template string) *transform.Topic {
	t.Helper()
	topic, err := transform.ParseTopic(template)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}
