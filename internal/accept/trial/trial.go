package trial

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

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
	Signal  syscall.Signal // SIGKILL or SIGTERM

	// MaxRows is how many rows a transaction changes at most. Optional: 1000.
	MaxRows int

	// Files makes the daemon build its positions of a MySQL server's files.
	// Optional.
	Files bool

	// Crash, if not nil, kills the server and starts it again. It is called
	// between signals, while the daemon reads and nobody writes, though a
	// transaction may be prepared. Of MySQL and MariaDB only.
	Crash func(context.Context) error

	// Progress, if not nil, is called now and then by one goroutine.
	Progress func(signals, committed int)
}

// A Result is what a trial that held every promise did.
type Result struct {
	Workload workload.Report
	Verify   verify.Report
	Early    int           // SIGTERMs that met a process too young to hear them, and count for nothing
	Inside   int           // signals after which the saved place was inside a transaction
	Crashes  int           // of the server
	Fences   int           // claims of checkpoint and progress that were held against the files
	Followed time.Duration // from the first start of the daemon to the last end
	Verified time.Duration // how long the verifier took
}

// Run runs a trial. The error is a *verify.Violation where a promise was
// broken.
func Run(ctx context.Context, cfg Config) (Result, error) {
	t := &trial{
		cfg:    cfg,
		daemon: daemon{binary: cfg.Binary, url: cfg.URL, folder: cfg.Folder, log: filepath.Join(cfg.Folder, "tailrace.log"), files: cfg.Files},
		r:      rand.New(rand.NewPCG(cfg.Seed, 1<<32)),
		gate:   newGate(),
	}
	var err error
	if t.daemon.kind, t.daemon.database, err = workload.KindOf(cfg.URL); err != nil {
		return t.result, err
	}
	truth := filepath.Join(cfg.Folder, "truth")
	for _, folder := range []string{truth, t.daemon.events()} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return t.result, fmt.Errorf("trial: %w", err)
		}
	}
	if err := t.daemon.configure(); err != nil {
		return t.result, err
	}
	if err := workload.Setup(ctx, cfg.URL); err != nil {
		return t.result, err
	}
	start := time.Now()
	if err := t.follow(ctx, truth); err != nil {
		return t.result, err
	}
	t.result.Followed = time.Since(start)
	start = time.Now()
	t.result.Verify, err = verify.Run(ctx, verify.Config{
		Events: t.daemon.events(), Name: name, Kind: t.daemon.kind, Schema: t.daemon.database, Truth: truth,
		URL: cfg.URL, Runs: t.runs(), Fences: t.fences,
	})
	t.result.Verified = time.Since(start)
	return t.result, err
}

type trial struct {
	cfg    Config
	daemon daemon
	r      *rand.Rand
	gate   *gate
	fences []verify.Fence
	result Result
}

// runs returns how often a suffix may have been sent again: once per kill, and
// after an orderly end never.
func (t *trial) runs() int {
	if t.cfg.Signal == syscall.SIGKILL {
		return t.cfg.Signals
	}
	return 0
}

// follow runs workload, watcher and daemon until everything is published.
func (t *trial) follow(ctx context.Context, truth string) error {
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
			URL: t.cfg.URL, Truth: truth, Seed: t.cfg.Seed, Changes: t.cfg.Changes, Writers: writers, MaxRows: t.cfg.MaxRows,
			Pace: t.gate.pass, Left: t.gate.leave,
		})
		t.result.Workload = report
		if err != nil {
			cancel(err)
		}
	})
	var watchErr error
	watcher.Go(func() {
		if t.fences, watchErr = verify.Watch(watched, t.daemon.events(), t.daemon.checkpoint()); watchErr != nil {
			cancel(watchErr)
		}
	})
	err := t.signals(ctx)
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
	if err := t.daemon.drain(ctx); err != nil {
		return err
	}
	before, err := t.daemon.published()
	if err != nil {
		return err
	}
	if err := t.daemon.drain(ctx); err != nil {
		return err
	}
	after, err := t.daemon.published()
	if err == nil && after != before {
		err = &verify.Violation{What: fmt.Sprintf("a start with nothing left to do published %d bytes", after-before)}
	}
	return err
}
