package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// run is what the model keeps of one run of the log.
type run struct {
	ticket *checkpoint.Ticket
	mark   checkpoint.Mark
	size   int64
	done   bool
}

// model is the Frontier as simply as it can be written.
type model struct {
	runs []*run
	took int // runs of the prefix that the last Take returned
}

func (m *model) used() (n int64) {
	for _, r := range m.runs {
		if !r.done {
			n += r.size
		}
	}
	return n
}

func (m *model) prefix() (mark checkpoint.Mark, n int) {
	for n < len(m.runs) && m.runs[n].done {
		mark.Extend(m.runs[n].mark)
		n++
	}
	return mark, n
}

// TestFrontierAgainstAModel acknowledges in random order and compares with the
// model after every step.
func TestFrontierAgainstAModel(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			f := checkpoint.NewFrontier(1 << 20)
			var m model
			var pending []*run
			for range 600 {
				switch {
				case r.IntN(2) == 0: // read
					n := len(m.runs)
					next := &run{mark: randomMark(r, n), size: r.Int64N(1000)}
					next.ticket = f.Add(next.mark, next.size)
					m.runs, pending = append(m.runs, next), append(pending, next)
				case len(pending) == 0:
				case r.IntN(3) == 0: // encoded
					p := pending[r.IntN(len(pending))]
					p.mark.Ver = event.Ver{Commit: r.Uint64()}
					p.size = r.Int64N(3000)
					f.Settle(p.ticket, p.mark, p.size)
				default: // published
					i := r.IntN(len(pending))
					f.Done(pending[i].ticket)
					pending[i].done = true
					pending = append(pending[:i], pending[i+1:]...)
				}
				if got, want := f.Used(), m.used(); got != want {
					t.Fatalf("got %d bytes used, want %d", got, want)
				}
				if r.IntN(4) == 0 {
					compareTake(t, f, &m)
				}
			}
			for _, p := range pending {
				f.Done(p.ticket)
				p.done = true
			}
			compareTake(t, f, &m)
			if got := f.Used(); got != 0 {
				t.Errorf("got %d bytes used at the end, want 0", got)
			}
		})
	}
}

func randomMark(r *rand.Rand, n int) checkpoint.Mark {
	var m checkpoint.Mark
	if r.IntN(2) == 0 {
		m.Position, m.Bound = event.Position(fmt.Sprint("p:", n)), uint64(n)
	}
	if r.IntN(3) == 0 {
		m.Millis = int64(n)
	}
	if r.IntN(2) == 0 {
		m.Ver = event.Ver{Commit: uint64(n)}
	}
	if r.IntN(10) == 0 {
		m.Memory = fmt.Append(nil, n)
	}
	return m
}

func compareTake(t *testing.T, f *checkpoint.Frontier, m *model) {
	t.Helper()
	want, n := m.prefix()
	got, news := f.Take()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	if news != (n > m.took) {
		t.Fatalf("got news %v, with %d runs published and %d taken", news, n, m.took)
	}
	m.took = n
}

// TestFrontierFromManyGoroutines is for the race detector.
func TestFrontierFromManyGoroutines(t *testing.T) {
	const runs, limit = 2000, 100
	f := checkpoint.NewFrontier(limit)
	tickets := make(chan *checkpoint.Ticket, runs)
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for ticket := range tickets {
				f.Settle(ticket, checkpoint.Mark{Bound: 1}, 20)
				f.Done(ticket)
			}
		})
	}
	stop := make(chan struct{})
	var saver sync.WaitGroup
	saver.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-f.Moved():
				f.Take()
				f.Saved(i%3 != 0)
			case <-stop:
				f.Saved(true)
				return
			}
		}
	})
	for i := range runs {
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		tickets <- f.Add(checkpoint.Mark{Millis: int64(i)}, 10)
	}
	close(tickets)
	publishers.Wait()
	close(stop)
	saver.Wait()
	if got := f.Used(); got != 0 {
		t.Errorf("got %d bytes used, want 0", got)
	}
}

func TestWaitReturnsWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := checkpoint.NewFrontier(100)
		first := f.Add(checkpoint.Mark{}, 60)
		second := f.Add(checkpoint.Mark{}, 60) // overdraws
		w := wait(t, f)
		w.blocks(t, "while it is overdrawn")
		f.Settle(second, checkpoint.Mark{}, 50)
		w.blocks(t, "while it is still overdrawn")
		f.Done(second)
		w.returns(t, "when there is room again, although the first run is not published")

		f.Settle(first, checkpoint.Mark{}, 100) // encoded, it is larger than it was
		w = wait(t, f)
		w.blocks(t, "at the limit")
		f.Settle(first, checkpoint.Mark{}, 99)
		w.returns(t, "below the limit")
	})
}

func TestWaitReturnsTheErrorOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := checkpoint.NewFrontier(100)
		f.Add(checkpoint.Mark{}, 100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := f.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestFullTellsThatTheReaderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := checkpoint.NewFrontier(100)
		ticket := f.Add(checkpoint.Mark{}, 99)
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-f.Full():
			t.Error("Full yields a token although nobody waited")
		default:
		}
		f.Settle(ticket, checkpoint.Mark{}, 100)
		w := wait(t, f)
		<-f.Full()
		f.Done(ticket)
		w.returns(t, "when the run is published")
	})
}

func TestNoMoreThanTheLimitIsPublishedBeyondASaveThatRunsOrFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := checkpoint.NewFrontier(100)
		publish := func(size int64) { f.Done(f.Add(checkpoint.Mark{Position: "p", Millis: size}, size)) }

		publish(500)
		wait(t, f).returns(t, "while no save runs")
		f.Take()
		f.Saved(true)
		publish(60)
		f.Take()
		wait(t, f).returns(t, "while less than the limit is published and not saved")
		publish(40)
		w := wait(t, f)
		w.blocks(t, "when the limit is published and the save still runs")
		f.Saved(false)
		w.blocks(t, "when it has failed")
		f.Take()
		w.blocks(t, "while it is tried again")
		f.Saved(true)
		w.returns(t, "when it has succeeded")
	})
}

func TestWhatCouldNotBeSavedIsTakenAgain(t *testing.T) {
	f := checkpoint.NewFrontier(100)
	want := checkpoint.Mark{Position: "p", Bound: 5}
	f.Done(f.Add(want, 10))
	<-f.Moved()
	for range 3 {
		if got, news := f.Take(); !news || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, news %v, want %+v", got, news, want)
		}
		f.Saved(false)
		<-f.Moved()
	}
	f.Take()
	f.Saved(true)
	if _, news := f.Take(); news {
		t.Error("got news after it was saved")
	}
}

func TestMovedYieldsNothingWhileTheFirstRunIsOpen(t *testing.T) {
	f := checkpoint.NewFrontier(100)
	first, second := f.Add(checkpoint.Mark{Position: "1"}, 1), f.Add(checkpoint.Mark{Position: "2"}, 1)
	f.Done(second)
	select {
	case <-f.Moved():
		t.Error("Moved yields a token although the first run is not published")
	default:
	}
	f.Done(first)
	<-f.Moved()
	if got, _ := f.Take(); got.Position != "2" {
		t.Errorf("got position %q, want that of the second run", got.Position)
	}
}

func TestDoneTwicePanics(t *testing.T) {
	f := checkpoint.NewFrontier(100)
	f.Add(checkpoint.Mark{}, 1)
	ticket := f.Add(checkpoint.Mark{}, 1)
	f.Done(ticket)
	defer func() {
		if recover() == nil {
			t.Error("the second Done did not panic")
		}
	}()
	f.Done(ticket)
}

// A waiter is a Wait in a goroutine of its own.
type waiter struct{ result chan error }

func wait(t *testing.T, f *checkpoint.Frontier) waiter {
	w := waiter{make(chan error, 1)}
	go func() { w.result <- f.Wait(t.Context()) }()
	return w
}

func (w waiter) blocks(t *testing.T, when string) {
	t.Helper()
	synctest.Wait()
	if len(w.result) > 0 {
		t.Errorf("Wait returned %s", when)
	}
}

func (w waiter) returns(t *testing.T, when string) {
	t.Helper()
	synctest.Wait()
	if len(w.result) == 0 {
		t.Fatalf("Wait blocks %s", when)
	}
	if err := <-w.result; err != nil {
		t.Errorf("Wait: %v", err)
	}
}

func TestEmptyRunsBehindOneThatStandsStillAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 100_000
		f := checkpoint.NewFrontier(1 << 20)
		first := f.Add(checkpoint.Mark{}, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for ; n < most && f.Wait(ctx) == nil; n++ {
			f.Done(f.Add(checkpoint.Mark{Position: "p"}, 0))
		}
		if n == most {
			t.Fatalf("%d empty runs were admitted behind one that is not published", n)
		}
		f.Done(first)
		if err := f.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v when the first is published, want nil", err)
		}
	})
}
