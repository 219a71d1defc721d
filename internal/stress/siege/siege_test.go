package siege_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/siege"
	"github.com/tailrace/tailrace/internal/verify"
)

// TestNoOlderValueComesLast is `make stress` in small.
func TestNoOlderValueComesLast(t *testing.T) {
	binary := build(t, "")
	for _, c := range []struct {
		name   string
		source func(t *testing.T) string
		stall  bool
		by     string // "": it publishes to files
	}{
		{"Postgres, whose commits hang, into Kafka by key", stalling, true, verify.ByKey},
		{"MySQL by GTID into files", mysqlURL, false, ""},
		{"MariaDB into Kafka by table", func(t *testing.T) string { return servers.MySQL(t, local.MariaDB114).URL() }, false, verify.ByTable},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small(t, binary, c.source(t))
			cfg.Kills, cfg.Stall, cfg.PartitionBy = 3, c.stall, c.by
			if c.by != "" {
				cfg.Broker = servers.NewKafka(t, map[string]string{"num.partitions": "4"}).Plain
			}
			got, err := siege.Run(t.Context(), cfg)
			if err != nil {
				t.Fatalf("seed %d: %v\nsee %s", cfg.Seed, err, cfg.Folder)
			}
			if got.During == 0 || got.Oracle.Read < 10*cfg.Rows || got.Oracle.Events == got.Oracle.Read {
				t.Errorf("got %d kills while tables were copied, %d rows read of %d, and %d events, want some kills, most rows, and changes",
					got.During, got.Oracle.Read, 20*cfg.Rows, got.Oracle.Events)
			}
		})
	}
}

// TestABrokenRuleIsNoticed proves that the oracle can fail.
func TestABrokenRuleIsNoticed(t *testing.T) {
	for _, mutation := range siege.Mutations() {
		t.Run(mutation, func(t *testing.T) {
			// A few seconds need not bring the one moment in which the rule counts.
			const attempts = 8
			binary := build(t, mutation)
			for seed := range uint64(attempts) {
				cfg := small(t, binary, stalling(t))
				cfg.Stall, cfg.Seed = true, cfg.Seed+seed
				_, err := siege.Run(t.Context(), cfg)
				var v *oracle.Violation
				switch {
				case errors.As(err, &v) && v.Key != "":
					t.Logf("noticed: %v", v)
					return
				case err != nil && !errors.As(err, &v):
					t.Fatalf("got %v, want a violation that a key shows; see %s", err, cfg.Folder)
				}
			}
			t.Fatalf("got no violation that a key shows in %d attempts", attempts)
		})
	}
}

// small says how to try in a few seconds.
func small(t *testing.T, binary, url string) siege.Config {
	t.Helper()
	return siege.Config{
		Binary: binary, URL: url, Folder: folder(t), Seed: 7, Rows: 150, Length: 3 * time.Second, Pace: 8 * time.Millisecond,
		Progress: func(text string) { t.Log(text) },
	}
}

// stalling is a database of a server of its own, whose settings may be changed.
func stalling(t *testing.T) string {
	t.Helper()
	return servers.NewPostgres(t, 18, nil).Database(t).URL()
}

func mysqlURL(t *testing.T) string {
	t.Helper()
	return servers.MySQL(t, local.MySQL97).URL()
}

func build(t *testing.T, mutation string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	binary, err := siege.Build(ctx, t.TempDir(), mutation)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// folder returns one that is kept if the test fails: it holds what explains it.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tailrace-siege-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
