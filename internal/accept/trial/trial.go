package trial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

// name is that of the pipeline.
const name = "accept"

// writers is how many change rows.
const writers = 3

// Config says what to try. What is not said to be optional is needed.
type Config struct {
	Binary  string // path of tailrace
	URL     string // a clean database of Postgres, MySQL or MariaDB, as its superuser
	Folder  string // an existing, empty folder; what is in it afterwards explains a failure
	Seed    uint64
	Changes int            // row changes to commit
	Signals int            // how many times the daemon gets Signal
	Signal  syscall.Signal // SIGKILL or SIGTERM; nothing for duels

	// MaxRows is how many rows a transaction changes at most. Optional: 1000.
	MaxRows int

	// Files makes the daemon build its positions of a MySQL server's files.
	// Optional.
	Files bool

	// Kafka, if not nil, says that the daemon publishes to a broker that belongs
	// to the trial, in place of files.
	Kafka *Kafka

	// Kinesis, if not nil, says that it publishes to a stream that belongs to the
	// trial, through a proxy that refuses records and loses answers.
	Kinesis *Kinesis

	// Duels is how many times, in place of signals, the daemon is frozen, replaced
	// by another instance and thawed. Exactly once only. Optional.
	Duels int

	// Crash, if not nil, kills the server and starts it again. It is called
	// between signals, while the daemon reads and nobody writes, though a
	// transaction may be prepared. Of MySQL and MariaDB only.
	Crash func(context.Context) error

	// Progress, if not nil, is called now and then by one goroutine with how many
	// signals were sent, or duels fought.
	Progress func(signals, committed int)
}

// A Result is what a trial that held every promise did.
type Result struct {
	Workload workload.Report
	Verify   verify.Report
	Early    int           // SIGTERMs that met a process too young to hear them, and count for nothing
	Inside   int           // signals after which the saved place was inside a transaction
	Crashes  int           // of the server
	Restarts int           // of the broker
	Reshards int           // splits and merges of shards
	Duels    int           // after which one instance was left
	Takeover time.Duration // the longest start of an instance while another was frozen
	Yielded  time.Duration // the longest that a thawed one took to end
	Fences   int           // claims of checkpoint and progress that were held against what had arrived
	Followed time.Duration // from the first start of the daemon to the last end
	Verified time.Duration // how long the verifier took

	Stream fault.Observed // what the proxy in front of the stream saw and did
}

// Run runs a trial. The error is a *verify.Violation where a promise was
// broken.
func Run(ctx context.Context, cfg Config) (result Result, err error) {
	t := &trial{
		cfg:    cfg,
		daemon: daemon{binary: cfg.Binary, url: cfg.URL, folder: cfg.Folder, log: filepath.Join(cfg.Folder, "tailrace.log"), files: cfg.Files, patience: patience},
		r:      rand.New(rand.NewPCG(cfg.Seed, 1<<32)),
		gate:   newGate(),
		truth:  filepath.Join(cfg.Folder, "truth"),
	}
	if cfg.Kinesis != nil {
		t.daemon.patience = streamPatience
	}
	if t.daemon.kind, t.daemon.database, err = workload.KindOf(cfg.URL); err != nil {
		return t.result, err
	}
	if err := os.Mkdir(t.truth, 0o755); err != nil {
		return t.result, fmt.Errorf("trial: %w", err)
	}
	if t.daemon.sink, err = openSink(ctx, filepath.Join(cfg.Folder, "events"), &cfg); err != nil {
		return t.result, err
	}
	defer func() { err = errors.Join(err, t.daemon.sink.close()) }()
	if err := t.daemon.configure(); err != nil {
		return t.result, err
	}
	if err := workload.Setup(ctx, cfg.URL); err != nil {
		return t.result, err
	}
	start := time.Now()
	err = t.follow(ctx)
	t.result.Followed = time.Since(start)
	start = time.Now()
	// What was published by then explains an error too.
	if collected := t.daemon.sink.collect(ctx); err == nil {
		err = collected
	}
	if s := t.daemon.sink.stream; s != nil {
		t.result.Stream = s.proxy.Seen()
	}
	if err == nil {
		t.result.Verify, err = verify.Run(ctx, t.verification())
	}
	t.result.Verified = time.Since(start)
	return t.result, err
}

// verification says what to verify.
func (t *trial) verification() verify.Config {
	cfg := verify.Config{
		Events: t.daemon.sink.folder, Name: name, Kind: t.daemon.kind, Schema: t.daemon.database, Truth: t.truth,
		URL: t.cfg.URL, Runs: t.runs(), Fences: t.fences, PartitionBy: t.daemon.sink.setup.PartitionBy,
	}
	if t.cfg.Kinesis != nil {
		cfg.PartitionBy, cfg.Stream = verify.ByKey, true
	}
	return cfg
}

type trial struct {
	cfg    Config
	daemon daemon
	r      *rand.Rand
	gate   *gate
	truth  string // folder of what the workload did
	fences []verify.Fence
	result Result
}

// runs returns how often a suffix may have been sent again: once per kill and per
// answer that was lost, and after an orderly end or exactly once never.
func (t *trial) runs() int {
	n := t.result.Stream.Lost
	if t.cfg.Signal == syscall.SIGKILL && !t.daemon.sink.setup.ExactlyOnce {
		n += t.cfg.Signals
	}
	return n
}

// follow runs workload, watcher and daemon until everything is published.
func (t *trial) follow(ctx context.Context) error {
	// The daemon's first start says from where on it follows: what is changed
	// before it is not promised.
	if err := t.daemon.drain(ctx, "--from", "now"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched, stopWatching := context.WithCancel(ctx)
	var work, watcher sync.WaitGroup
	work.Go(func() {
		report, err := workload.Run(ctx, workload.Config{
			URL: t.cfg.URL, Truth: t.truth, Seed: t.cfg.Seed, Changes: t.cfg.Changes, Writers: writers, MaxRows: t.cfg.MaxRows,
			Pace: t.gate.pass, Left: t.gate.leave,
		})
		t.result.Workload = report
		if err != nil {
			cancel(err)
		}
	})
	var watchErr error
	watcher.Go(func() {
		if t.fences, watchErr = verify.Watch(watched, t.daemon.sink, t.daemon.checkpoint()); watchErr != nil {
			cancel(watchErr)
		}
	})
	fight := t.signals
	if t.cfg.Duels > 0 {
		fight = t.duels
	}
	err := fight(ctx)
	if err != nil {
		cancel(err)
	}
	t.gate.open(t.cfg.Changes * 2)
	work.Wait()
	if err == nil && ctx.Err() == nil {
		err = t.end(ctx)
	}
	stopWatching()
	watcher.Wait()
	t.result.Fences = len(t.fences)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// end lets the daemon catch up, and once more: then there is nothing left that
// it could publish.
func (t *trial) end(ctx context.Context) error {
	if err := t.daemon.sink.up(); err != nil {
		return err
	}
	if err := t.daemon.drain(ctx); err != nil {
		return err
	}
	before, err := t.daemon.published(ctx)
	if err != nil {
		return err
	}
	if err := t.daemon.drain(ctx); err != nil {
		return err
	}
	after, err := t.daemon.published(ctx)
	if err == nil && after != before {
		err = &verify.Violation{What: fmt.Sprintf("a start with nothing left to do made %d of events become %d", before, after)}
	}
	return err
}
