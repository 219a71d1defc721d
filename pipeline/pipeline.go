package pipeline

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/snapshot"
)

// A Pipeline follows one source into one publisher. Set the fields, then call
// Run once.
type Pipeline struct {
	Name   string
	Source capture.Source
	// OpenSink opens the sink, and opens it again after it has failed. It is given
	// the State that is saved, with the partitions that were used since.
	OpenSink   func(context.Context, checkpoint.State) (publish.Publisher, error)
	Store      checkpoint.Store
	NewEncoder func() encode.Encoder                 // called once per worker and life
	TopicName  func(db, schema, table string) string // topic of a table's events
	Taken      []string                              // topics of other records, which no table may have
	// PartitionBy chooses the partitions of events. It and Tombstones go into
	// Selection.
	PartitionBy PartitionBy
	Tombstones  bool             // a delete of a table with a key is followed by a record of the key without a value
	Control     bool             // a truncate goes to {name}.control in place of its table's topic; goes into Selection
	Selection   string           // hash of what decides which rows exist (C1.4)
	From        string           // start here instead of at the checkpoint; "" for the checkpoint
	Until       string           // end once everything up to this position, or "now", is published; "" to go on
	Memory      int64            // ceiling on bytes held
	Drain       time.Duration    // longest time between the end of Run's context and Run's return
	Interval    time.Duration    // shortest time between two saves
	Snapshot    *snapshot.Copies // copies tables beside the stream; nil: nothing is ever copied
	Workers     int              // encoders beside the reader; 1: the reader encodes, 0: one less than GOMAXPROCS
	Log         *zap.Logger
	Stats       *Stats

	topics topics
	until  event.Position
}

// firstConnection is how long a network error may last before anything has
// ever worked: longer, and it is more likely a typing error than an outage.
const firstConnection = 30 * time.Second

// errDrain ends a life whose flush took longer than the drain limit.
var errDrain = &failure.StopError{
	Sentence: "the drain limit passed before everything was flushed",
	Hint:     "raise --drain, or see why the sink is slow; what was not flushed is sent again by the next start",
	Code:     failure.ExitDrain,
}

// Run follows the source until ctx ends, Until is reached, or an error that
// time can't mend. When ctx ends it flushes, saves and confirms what was read,
// and returns nil if all of that was done within Drain. The error's class is
// that of package failure. Source and Store stay open.
func (p *Pipeline) Run(ctx context.Context) error {
	p.Stats.enter(Starting, nil)
	defer context.AfterFunc(ctx, func() { p.Stats.enter(Draining, nil) })()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 10*time.Second
	var st checkpoint.State
	taken, err := p.insist(ctx, wait, "the checkpoint can't be read", func() (err error) {
		st, err = p.Store.Acquire(ctx)
		return err
	})
	if !taken {
		return err
	}
	st.Pipeline = p.Name
	if st.Position == "" && p.From == "" && !p.copies() {
		return failure.Stop(
			"say where to start with --from now, earliest or a position; or let the tables be copied first, with --snapshot initial",
			"pipeline %s has no checkpoint", p.Name)
	}
	if p.from(st) != "" {
		st.Partitions = nil // it repeats or skips anyway, so records may be spread anew
	}
	p.topics.init(p)
	var sink publish.Publisher
	opened, err := p.insist(ctx, wait, "the sink can't be opened", func() (err error) {
		sink, err = p.OpenSink(ctx, st)
		return err
	})
	if !opened {
		return err
	}
	defer func() {
		if sink != nil {
			_ = sink.Close() // everything is flushed or given up by then
		}
	}()

	start := time.Now()
	checked, worked := false, false
	for {
		err := error(nil)
		if !checked {
			err = p.Source.Check(ctx)
			checked = err == nil
		}
		var l *life
		if err == nil {
			l, err = p.begin(ctx, &st, sink, worked)
		}
		if err == nil {
			if !worked {
				p.started(st)
			}
			worked = true
			p.Stats.follow(l.vitals)
			p.Stats.enter(Following, nil)
			err = l.run(ctx)
			p.Stats.follow(nil)
			if l.saved.Position != st.Position || l.saved.Ver != st.Ver {
				wait.Reset() // it got on: a stream that breaks at once is not opened ten times a second
			}
			st = l.saved
		}
		switch {
		case ctx.Err() != nil && !isStop(err) && (l == nil || failure.Retryable(err) && !l.sinkFailed.Load()):
			return nil // all that was read is flushed and saved
		case err == nil || !failure.Retryable(err):
			return err
		case ctx.Err() != nil:
			return failure.StopFrom(err, "the next start sends again what was not flushed", "the sink failed while it was flushed")
		case !worked && time.Since(start) > firstConnection:
			return errNoConnection(err)
		}
		p.Stats.Retries.Add(1)
		p.Stats.enter(waiting(worked), err)
		p.Log.Warn("starting again from the saved state", zap.Error(err), zap.String("position", string(st.Position)))
		if l != nil && l.sinkFailed.Load() {
			closing := sink
			sink = nil
			st.Partitions = partitions(closing, st.Partitions)
			if err := closing.Close(); err != nil {
				return fmt.Errorf("close the sink: %w", err)
			}
			sink, st, err = p.reopen(ctx, wait, st)
			switch {
			case err != nil && ctx.Err() != nil && !isStop(err):
				return nil
			case err != nil:
				return err
			}
		}
		if sleep(ctx, wait.NextBackOff()) != nil {
			return nil
		}
	}
}

// waiting is the phase of a wait: before anything has worked, it belongs to the
// start.
func waiting(worked bool) Phase {
	if worked {
		return Waiting
	}
	return Starting
}

// begin locates, saves and opens: the start of every life (C1.3), of the first one
// or again.
func (p *Pipeline) begin(ctx context.Context, st *checkpoint.State, sink publish.Publisher, again bool) (*life, error) {
	_, once := sink.(publish.Committer)
	if once && again {
		// It may have lost the pipeline to the instance that took the source away,
		// would fight for that, and hear of it only with the next event.
		if err := p.Store.Save(ctx, *st); err != nil {
			return nil, fmt.Errorf("save the state again: %w", err)
		}
	}
	from, start := p.from(*st), p.from(*st)
	if st.Position == "" && from == "" {
		start = event.Now // with a copy of what was there before
	}
	next, err := p.Source.Locate(ctx, *st, start)
	if err != nil {
		return nil, err
	}
	var past event.Position
	if p.Snapshot != nil {
		if st.Position != "" {
			if _, past, err = p.Source.Range(ctx); err != nil {
				return nil, err
			}
		}
		if next, err = p.Snapshot.Begin(ctx, *st, next, st.Selection == p.Selection); err != nil {
			return nil, err
		}
	}
	if from != "" {
		next.From = from
	}
	if once && from == "" && p.From != string(next.Position) && next.Selection != p.Selection && next.Open() {
		return nil, failure.Stop(
			"start with the former ones and stop again while nothing is written; or accept that events come twice, with --from "+string(next.Position),
			"tables or settings that decide which events exist were changed while a transaction was half published, and exactly once can't send it again")
	}
	if from != "" || next.Selection != p.Selection {
		next.Ver = event.Ver{} // the open transaction is sent again whole
		next.Selection = p.Selection
	}
	if p.Until != "" && p.until == "" {
		if p.until = event.Position(p.Until); p.Until == event.Now {
			if _, p.until, err = p.Source.Range(ctx); err != nil {
				return nil, err
			}
		}
	}
	// A start at the saved state leaves it as it is, so that one that is
	// refused from here on has touched nothing.
	if !reflect.DeepEqual(*st, next) {
		if err := p.Store.Save(ctx, next); err != nil {
			return nil, fmt.Errorf("save the start position: %w", err)
		}
	}
	*st = next
	stream, err := p.Source.Open(ctx, next)
	if err != nil {
		return nil, err
	}
	p.Stats.setState(next)
	l := newLife(p, next, sink, stream)
	if p.Snapshot != nil {
		if l.join, err = p.Snapshot.Join(next, past, stream, p.Source.Reached, l.roomToCopy); err != nil {
			_ = stream.Close() // nothing was read
			return nil, err
		}
		l.vitals.still = l.join.Still
	}
	return l, nil
}

// copies reports whether tables are copied unasked.
func (p *Pipeline) copies() bool { return p.Snapshot != nil && p.Snapshot.Mode() != snapshot.Never }

// from is the start that is to be applied to st, "" for the checkpoint's or one
// that an earlier start has applied.
func (p *Pipeline) from(st checkpoint.State) string {
	if p.From == st.From && st.Position != "" {
		return ""
	}
	return p.From
}

// insist does what must succeed before anything is read. It reports false and no
// error when ctx has ended meanwhile.
func (p *Pipeline) insist(ctx context.Context, wait backoff.BackOff, trouble string, do func() error) (bool, error) {
	defer wait.Reset()
	start := time.Now()
	for {
		err := do()
		switch {
		case err == nil:
			return true, nil
		case ctx.Err() != nil && !isStop(err):
			return false, nil
		case !failure.Retryable(err):
			return false, err
		case time.Since(start) > firstConnection:
			return false, errNoConnection(err)
		}
		p.Stats.enter(Starting, err)
		p.Log.Warn(trouble, zap.Error(err))
		if sleep(ctx, wait.NextBackOff()) != nil {
			return false, nil
		}
	}
}

func errNoConnection(err error) error {
	return failure.StopFrom(err, "check host, port, network and credentials", "no connection within %s", firstConnection)
}

// reopen opens the sink after a failure, for as long as it takes, and returns
// the State to go on from: a Committer's own, since a commit that failed may
// have taken effect (C7.2), else st.
func (p *Pipeline) reopen(ctx context.Context, wait backoff.BackOff, st checkpoint.State) (publish.Publisher, checkpoint.State, error) {
	for {
		sink, err := p.OpenSink(ctx, st)
		if err == nil {
			if _, ok := sink.(publish.Committer); ok {
				st, err = p.load(ctx, st)
			}
			if err == nil {
				return sink, st, nil
			}
			_ = sink.Close() // nothing was given to it
		}
		if !failure.Retryable(err) {
			return nil, st, err
		}
		p.Stats.enter(Waiting, err)
		p.Log.Warn("the sink can't be opened", zap.Error(err))
		if err := sleep(ctx, wait.NextBackOff()); err != nil {
			return nil, st, err
		}
	}
}

// load reads the saved State again, as the process that saved st.
func (p *Pipeline) load(ctx context.Context, st checkpoint.State) (checkpoint.State, error) {
	now, err := p.Store.Load(ctx)
	if err != nil {
		return st, fmt.Errorf("read the state again: %w", err)
	}
	if now.Position == "" { // begin has saved one: without it the next life would start elsewhere (C1.3)
		return st, failure.Stop("find out who deleted it; then say with --from where to go on",
			"the checkpoint of pipeline %s is gone", p.Name)
	}
	now.Pipeline, now.Generation = st.Pipeline, st.Generation
	return now, nil
}

// started writes the one start line.
func (p *Pipeline) started(st checkpoint.State) {
	d := p.Source.Describe()
	p.Log.Info("following",
		zap.String("pipeline", p.Name), zap.String("server", d.Server), zap.String("version", d.Version),
		zap.Strings("tables", capture.Some(d.Tables)), zap.Int("table_count", len(d.Tables)), zap.String("position", string(st.Position)),
		zap.Uint32("epoch", st.Epoch), zap.Uint64("generation", st.Generation))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
