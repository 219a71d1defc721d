package pipeline

import (
	"context"
	"errors"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
)

// read fills units until ctx ends or Until is reached, which are no errors, or
// the stream ends. It takes room before it reads: that is the pipeline's only
// back-pressure.
func (l *life) read(ctx context.Context, inline *worker) error {
	defer close(l.order)
	if l.work != nil {
		defer close(l.work)
	}
	if l.reached(l.start.Position) {
		return nil
	}
	resuming := l.start.Open()
	for {
		if l.frontier.Wait(ctx) != nil {
			return nil
		}
		u := l.pool.unit()
		l.vitals.log.work()
		copied, err := l.next(ctx, u)
		l.vitals.log.wait()
		if err != nil {
			l.pool.putUnit(u)
			if errors.Is(err, snapshot.ErrDone) {
				return nil
			}
			if ctx.Err() != nil && !isStop(err) {
				return nil
			}
			return err
		}
		if resuming {
			var err error
			if resuming, err = l.resumes(u); err != nil {
				return err
			}
		}
		reached := l.reached(u.Position)
		j := l.pool.job(l)
		j.unit = u
		j.mark = checkpoint.Mark{Position: u.Position, Bound: u.Bound, Millis: u.Millis, Memory: u.Memory, Snapshot: copied}
		j.ticket = l.frontier.Add(j.mark, int64(u.Cost))
		if inline != nil {
			l.reader.work()
			inline.encode(j)
			l.reader.wait()
		}
		// The sequencer reads until the channel is closed, so these never
		// block for longer than it does.
		l.order <- j
		if inline == nil {
			l.work <- j
		}
		if reached {
			return nil
		}
	}
}

// reached reports whether at is the end that was asked for, or lies behind it.
func (l *life) reached(at event.Position) bool {
	return l.p.until != "" && at != "" && l.p.Source.Reached(at, l.p.until)
}

// resumes checks the first transactions after a stop in the middle of one: none
// may be later than that one before it has come (C1.4). It reports whether it is
// still to come.
func (l *life) resumes(u *event.Unit) (bool, error) {
	for i := range u.Items {
		got, want := u.Txns[u.Items[i].Txn].Commit, l.start.Ver.Commit
		if got > want {
			return false, failure.Stop(
				"see whether the publication or the tables were changed meanwhile; --from "+string(l.start.Position)+" sends the transaction again whole",
				"the transaction that was open at the last stop (commit %x) does not come again before that of commit %x", want, got)
		}
		if got == want {
			return false, nil
		}
	}
	return true, nil
}

func isStop(err error) bool {
	var stop *failure.StopError
	return errors.As(err, &stop)
}
