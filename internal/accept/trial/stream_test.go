package trial_test

import (
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/accept/trial"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// TestNothingIsLostOfKinesis is `make accept` in small, into a stream of which a
// fifth of the records is refused, calls fail, answers are lost, and shards are
// split and merged.
func TestNothingIsLostOfKinesis(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		url     func(t *testing.T) string
		kinesis trial.Kinesis
		signal  syscall.Signal
	}{
		{"Postgres in lines, killed", postgresURL, trial.Kinesis{Packing: verify.PackedLines, Lost: 0.01}, syscall.SIGKILL},
		{"MySQL one event in a record, asked to stop", mysqlURL, trial.Kinesis{Packing: verify.PackedNone, Lost: 0.001}, syscall.SIGTERM},
		{"MySQL as the KPL packs, killed", mysqlURL, trial.Kinesis{Packing: verify.PackedKPL, Lost: 0.01}, syscall.SIGKILL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.kinesis.Product, c.kinesis.Shards, c.kinesis.Reshards = local.Kinesalite, 32, 2
			cfg := trial.Config{
				Binary: binary, URL: c.url(t), Folder: folder(t), Seed: 7, Changes: 1500, MaxRows: 150,
				Kinesis: &c.kinesis, Signal: c.signal, Signals: 5,
			}
			got, err := trial.Run(t.Context(), cfg)
			if err != nil {
				t.Fatalf("seed %d: %v\nsee %s", cfg.Seed, err, cfg.Folder)
			}
			if got.Workload.Changes < cfg.Changes || got.Verify.Events < cfg.Changes || got.Reshards != 2 || got.Fences == 0 {
				t.Errorf("got %d changes, %d events, %d splits and merges and %d claims of progress, want at least %d twice, 2, and some",
					got.Workload.Changes, got.Verify.Events, got.Reshards, got.Fences, cfg.Changes)
			}
			if s := got.Stream; s.Dropped == 0 || s.Failed == 0 {
				t.Errorf("got %d records that were refused and %d calls that failed, want some", s.Dropped, s.Failed)
			}
			if got.Stream.Lost == 0 && c.signal == syscall.SIGTERM && got.Verify.Again > 0 {
				t.Errorf("got %d events again, want none: no answer was lost", got.Verify.Again)
			}
		})
	}
}
