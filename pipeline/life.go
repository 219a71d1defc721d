package pipeline

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/snapshot"
)

// A life is one run over one stream, from a saved state to the first error or
// the end.
type life struct {
	p      *Pipeline
	sink   publish.Publisher
	stream capture.Stream
	join   *snapshot.Join // the stream with rows of copies in it; nil if there is none

	start    checkpoint.State // as saved before the stream was opened
	copying  bool             // some of the memory is that of copies
	resent   event.Ver        // rows up to it were published before: skipped
	frontier *checkpoint.Frontier
	pool     pool

	order chan *job            // reader to sequencer, in log order
	work  chan *job            // reader to workers
	marks chan checkpoint.Mark // saver to sequencer: what was saved last

	hard context.Context // ends when nothing more may be done but to save
	kill context.CancelCauseFunc

	commits bool // the sink is a Committer
	vitals  *vitals
	reader  *pulse
	handing *pulse // the sequencer's

	saved      checkpoint.State // of the saver; the pipeline's once run has returned
	sinkFailed atomic.Bool      // everything in memory was dropped
}

// lastSave is how long the last save of a life may take, whatever else failed.
const lastSave = 2 * time.Second

func newLife(p *Pipeline, st checkpoint.State, sink publish.Publisher, stream capture.Stream) *life {
	l := &life{
		p: p, sink: sink, stream: stream, start: st, saved: st,
		frontier: checkpoint.NewFrontier(p.Memory),
		pool:     newPool(),
		order:    make(chan *job, 128),
		marks:    make(chan checkpoint.Mark, 1),
	}
	_, l.commits = sink.(publish.Committer)
	l.vitals = newVitals(l.frontier)
	l.reader, l.handing = l.vitals.loop("the reader"), l.vitals.loop("the sequencer")
	if st.Open() {
		l.resent = st.Ver
	}
	l.hard, l.kill = context.WithCancelCause(context.Background())
	return l
}

// run returns nil when ctx ended or the pipeline's Until was reached, and
// everything read is published, saved and confirmed.
func (l *life) run(ctx context.Context) error {
	defer l.kill(nil)
	defer l.limitDrain(ctx)()

	// The reader ends with ctx; everything behind it goes on until it is dry.
	readCtx, stopReading := context.WithCancel(ctx)
	defer stopReading()
	defer context.AfterFunc(l.hard, stopReading)()

	var readErr, seqErr, saveErr error
	var encoders, rest, saver sync.WaitGroup
	inline := l.startWorkers(&encoders)
	rest.Go(func() {
		defer stopReading() // and with it what reads beside
		readErr = l.read(readCtx, inline)
	})
	l.startCopies(readCtx, &rest)
	rest.Go(func() {
		err := l.sequence()
		if err == nil {
			return
		}
		stopReading()
		l.drop()
		// Once the life has ended hard, its cause says why, and what the sink
		// returns then says nothing.
		if l.hard.Err() == nil {
			seqErr = err
		}
	})
	quit := make(chan struct{})
	if !l.commits {
		saver.Go(func() { saveErr = l.save(quit) })
	}
	rest.Wait()
	encoders.Wait()

	if l.hard.Err() == nil {
		l.flush()
	}
	close(quit)
	saver.Wait()
	if !l.commits && !errors.Is(saveErr, checkpoint.ErrFenced) {
		err := l.lastSave()
		if err != nil && ctx.Err() != nil {
			err = failure.StopFrom(err, "the next start repeats what was published since the last save", "the last position could not be saved")
		}
		if saveErr == nil {
			saveErr = err
		}
	}
	if l.join != nil {
		l.join.Close()
	}
	if err := l.stream.Close(); err != nil && readErr == nil {
		readErr = failure.Retry(err)
	}
	// A Stop is told before a Retry, and what happened nearer to the sink
	// before what may be its consequence.
	var first error
	for _, err := range []error{context.Cause(l.hard), saveErr, seqErr, readErr} {
		if err != nil && (first == nil || failure.Retryable(first) && !failure.Retryable(err)) {
			first = err
		}
	}
	return first
}

// limitDrain ends everything when the drain limit has passed after ctx ended.
func (l *life) limitDrain(ctx context.Context) (stop func()) {
	var timer *time.Timer
	var mu sync.Mutex
	stopped := false
	unhook := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			timer = time.AfterFunc(l.p.Drain, func() { l.kill(errDrain) })
		}
	})
	return func() {
		unhook()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		if timer != nil {
			timer.Stop()
		}
	}
}

// startWorkers starts the encoders, or returns one for the reader's own use
// where a goroutine more would only cost handoffs.
func (l *life) startWorkers(wg *sync.WaitGroup) (inline *worker) {
	n := l.p.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0) - 1
	}
	if n <= 1 {
		return newWorker(l)
	}
	l.work = make(chan *job, n)
	for range n {
		w, pulse := newWorker(l), l.vitals.loop("an encoder")
		wg.Go(func() {
			for j := range l.work {
				pulse.work()
				w.encode(j)
				pulse.wait()
			}
		})
	}
	return nil
}

// published is every job's done.
func (l *life) published(j *job, err error) {
	if len(j.batch.Records) > 0 {
		l.answered()
	}
	if err != nil {
		l.failSink(err)
		return
	}
	var rows, bytes uint64
	for i := range j.batch.Records {
		if r := &j.batch.Records[i]; r.Topic.Channel.Events() {
			rows++
			bytes += uint64(r.ValueEnd - r.KeyStart)
		}
	}
	s := l.p.Stats
	s.Published.Add(rows)
	s.Bytes.Add(bytes)
	j.published()
	l.frontier.Done(j.ticket)
	if ms := l.frontier.Millis(); ms != 0 && !l.commits {
		s.Millis.Store(ms)
	}
	l.pool.putJob(j)
	if l.join != nil {
		l.join.Look()
	}
	s.Held.Store(l.frontier.Used())
}

// answered notes an answer of the sink to one batch. A Committer is asked for none
// before it commits.
func (l *life) answered() {
	if !l.commits {
		l.vitals.answered()
	}
}

// failSink ends the life because the sink could not mend an error: everything
// in memory is dropped.
func (l *life) failSink(err error) {
	l.sinkFailed.Store(true)
	l.kill(err) // the first cause is kept
}

// flush makes durable what was handed on.
func (l *life) flush() {
	if err := l.sink.Flush(l.hard); err != nil && l.hard.Err() == nil {
		l.failSink(err)
	}
}

// drop empties the reader's channel after the sequencer has given up, so that
// the reader never waits for it.
func (l *life) drop() {
	for range l.order {
	}
}
