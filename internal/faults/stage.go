package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/verify"
	"github.com/tailrace/tailrace/internal/workload"
)

// A stage is what a scenario is played on: everything runs, and is steady.
type stage struct {
	o       *options
	brokers *brokers
	db      *database
	daemon  *daemon
	process *process
	load    *load
	sink    *sink
	watch   *watch
	folder  string
	notes   []string // for the line of the result
}

// recovers bounds how long it takes to catch up with what a fault has held up.
const recovers = 90 * time.Second

// play plays a scenario and prints its line. What explains a failure stays in a
// folder.
func (o *options) play(ctx context.Context, s scenario, name string) (err error) {
	folder, err := os.MkdirTemp("", "tailrace-faults-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nsee %s: events, truth and logs", err, folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	st := &stage{o: o, folder: folder}
	for _, name := range []string{"events", "truth"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			return err
		}
	}
	if st.brokers, err = s.start(ctx, o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.brokers.close()) }()
	if st.db, err = startDatabase(ctx, name); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.db.close()) }()
	st.daemon = &daemon{
		binary: o.binary, folder: folder, source: st.db.url, tables: st.db.tables,
		seeds: st.brokers.seeds, memory: int64(o.memory) << 20, exactlyOnce: o.exactlyOnce,
	}
	begin := time.Now()
	report, err := st.act(ctx, s)
	if err != nil {
		return errors.Join(err, st.keepLogs())
	}
	fmt.Fprintf(o.out, "%s  %-8s  %s: good: %s; %d changes, %d events, %d sent again; %v\n", s.letter, name, s.title,
		strings.Join(st.notes, ", "), st.load.report.Changes, report.Events, report.Again, time.Since(begin).Round(time.Second))
	return nil
}

// keepLogs keeps the logs of the servers, which go with them.
func (st *stage) keepLogs() error {
	logs := map[string]string{"database.log": st.db.data}
	for i, k := range st.brokers.members {
		logs[fmt.Sprintf("broker%d.log", i+1)] = k.DataDir
	}
	var failed error
	for name, data := range logs {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(data), "log"))
		if err == nil {
			err = os.WriteFile(filepath.Join(st.folder, name), text, 0o644)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// act plays the scenario from a steady load to a steady load, and verifies.
func (st *stage) act(ctx context.Context, s scenario) (report verify.Report, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := workload.Setup(ctx, st.db.url); err != nil {
		return report, err
	}
	// What is changed before the first start is not promised.
	if err := st.daemon.drain(ctx, "--from", "now"); err != nil {
		return report, err
	}
	if s.begins {
		if err := st.brokers.members[0].Kill(); err != nil {
			return report, err
		}
	}
	if st.process, err = st.daemon.start(); err != nil {
		return report, err
	}
	defer func() { st.daemon.kill(st.process) }()
	if st.sink, err = startSink(ctx, st.brokers.direct, st.o.exactlyOnce); err != nil {
		return report, err
	}
	defer st.sink.close()
	st.load = startLoad(ctx, workload.Config{URL: st.db.url, Truth: filepath.Join(st.folder, "truth"), Seed: st.o.seed},
		st.o.rate, s.lasts(st.o)+recovers)
	defer func() { cancel(); <-st.load.ended }()
	st.watch = startWatch(ctx, st.look)
	defer st.watch.end()
	if !s.begins {
		if err := st.settled(ctx); err != nil {
			return report, fmt.Errorf("before the fault: %w", err)
		}
	}
	if err := s.play(ctx, st); err != nil {
		return report, err
	}
	return st.end(ctx)
}

// look takes a sample.
func (st *stage) look(ctx context.Context) (sample, error) {
	seen := sample{at: time.Now(), events: st.sink.count()}
	var err error
	if seen.rss, err = rss(st.process); err != nil {
		return seen, err
	}
	seen.readers, err = st.db.readers(ctx)
	return seen, err
}

// trouble is what ends a scenario early.
func (st *stage) trouble() error {
	select {
	case <-st.process.ended:
		return st.daemon.gone(st.process.err)
	case <-st.load.ended:
		if st.load.err != nil {
			return fmt.Errorf("change rows: %w", st.load.err)
		}
	default:
	}
	return errors.Join(st.watch.trouble(), st.sink.trouble())
}

// settled is steady once all topics are made.
func (st *stage) settled(ctx context.Context) error {
	kind, schema, err := workload.KindOf(st.db.url)
	if err != nil {
		return err
	}
	topics := []string{pipeline + ".progress", pipeline + ".transactions", pipeline + ".schemas"}
	for _, t := range workload.Tables(kind) {
		topics = append(topics, pipeline+"."+schema+"."+t.Name)
	}
	err = until(ctx, patience, "all topics have records", func() (bool, error) { return st.sink.has(topics), st.trouble() })
	if err != nil {
		return err
	}
	return st.steady(ctx)
}

// steady waits until the events of all tables arrive soon after their commit.
func (st *stage) steady(ctx context.Context) error {
	begin := time.Now()
	return until(ctx, recovers, fmt.Sprintf("events of all tables arrive within %v of their commit", small), func() (bool, error) {
		return st.sink.fresh(begin), st.trouble()
	})
}

// recover is steady after a fault that is over.
func (st *stage) recover(ctx context.Context) error {
	begin := time.Now()
	if err := st.steady(ctx); err != nil {
		return fmt.Errorf("after the fault: %w", err)
	}
	st.note("caught up after %v", time.Since(begin).Round(100*time.Millisecond))
	return nil
}

// wait lets a time go by in which nothing may go wrong.
func (st *stage) wait(ctx context.Context, d time.Duration) error {
	deadline := time.Now().Add(d)
	return until(ctx, d+patience, "the time goes by", func() (bool, error) {
		return time.Now().After(deadline), st.trouble()
	})
}

func (st *stage) note(format string, args ...any) {
	st.notes = append(st.notes, fmt.Sprintf(format, args...))
}

// healed waits until what a fault has held up is caught up with, and holds memory
// and connection since it began against what is promised. In a fault that let
// nothing through, from begin to over, memory stands still; in others the two are
// the same.
func (st *stage) healed(ctx context.Context, begin, over time.Time) error {
	if err := st.recover(ctx); err != nil {
		return err
	}
	// One more sample is taken when all is steady.
	if err := st.wait(ctx, time.Second); err != nil {
		return err
	}
	samples := st.watch.since(begin)
	during := samples[:len(samples)-len(st.watch.since(over))]
	text, err := memoryHeld(during, samples, st.daemon.memory)
	st.note("%s", text)
	reader, lost := connectionHeld(samples)
	st.note("%s held for %v", reader, time.Since(begin).Round(time.Second))
	return errors.Join(err, lost)
}

// end lets everything end in order and verifies it.
func (st *stage) end(ctx context.Context) (report verify.Report, err error) {
	st.load.hurry.Store(true)
	err = until(ctx, patience, "all rows are changed", func() (bool, error) {
		select {
		case <-st.load.ended:
			return true, st.trouble()
		default:
			return false, st.trouble()
		}
	})
	if err != nil {
		return report, err
	}
	st.watch.end()
	if err := st.daemon.stop(ctx, st.process); err != nil {
		return report, err
	}
	if err := st.daemon.drain(ctx); err != nil {
		return report, err
	}
	return st.verify(ctx)
}

// verify holds what the topics hold against what was changed.
func (st *stage) verify(ctx context.Context) (report verify.Report, err error) {
	events := filepath.Join(st.folder, "events")
	kafka, err := verify.OpenKafka(st.brokers.direct[0], pipeline, st.o.exactlyOnce)
	if err != nil {
		return report, err
	}
	defer kafka.Close()
	if err := kafka.Copy(ctx, events); err != nil {
		return report, err
	}
	runs := 0
	if !st.o.exactlyOnce {
		if runs, err = st.daemon.lives(); err != nil {
			return report, err
		}
	}
	kind, schema, err := workload.KindOf(st.db.url)
	if err != nil {
		return report, err
	}
	return verify.Run(ctx, verify.Config{
		Events: events, Name: pipeline, Kind: kind, Schema: schema, Truth: filepath.Join(st.folder, "truth"),
		URL: st.db.url, Runs: runs, PartitionBy: verify.ByTable,
	})
}
