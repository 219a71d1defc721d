package postgres_test

import (
	"errors"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

func TestANewTimelineRaisesTheEpochAndKeepsThePlace(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		server := servers.NewPostgres(t, version, nil)
		d := source{server.Database(t), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		d.Exec(t, "INSERT INTO t VALUES (1)")
		first := r.ToEnd()
		r.Confirm()
		r.Close()
		d.Exec(t, "INSERT INTO t VALUES (2)")
		server.NewTimeline(t)
		d.Exec(t, "INSERT INTO t VALUES (3)")

		old := r.State
		r = capturetest.Start(t, d.Source(t), old, "")
		if r.State.Epoch != old.Epoch+1 || r.State.Source.Timeline != old.Source.Timeline+1 || r.State.Position != old.Position {
			t.Errorf("epoch %d, timeline %d, place %s; want %d, %d, %s", r.State.Epoch, r.State.Source.Timeline, r.State.Position,
				old.Epoch+1, old.Source.Timeline+1, old.Position)
		}
		second := r.ToEnd()
		equalLines(t, second, []string{`c public.t {"id":2} null {"id":2}`, `c public.t {"id":3} null {"id":3}`})
		if a, b := first[0].Ver, second[0].Ver; a >= b {
			t.Errorf("ver %s is followed by %s: they must rise", a, b)
		}
		r.Close()

		t.Run("a second start on it raises nothing", func(t *testing.T) {
			again := capturetest.Start(t, d.Source(t), r.State, "")
			if again.State.Epoch != r.State.Epoch {
				t.Errorf("the epoch is %d, want %d", again.State.Epoch, r.State.Epoch)
			}
			again.Close()
		})
		t.Run("a place behind the switch is lost", func(t *testing.T) {
			beyond := r.State
			beyond.Source.Timeline = old.Source.Timeline
			_, err := capturetest.Open(t, d.Source(t), beyond, "")
			if !errors.Is(err, capture.ErrLost) {
				t.Errorf("open = %v, want ErrLost", err)
			}
		})
		t.Run("a timeline that is not in the history is lost", func(t *testing.T) {
			other := r.State
			other.Source.Timeline = 77
			_, err := capturetest.Open(t, d.Source(t), other, "")
			if !errors.Is(err, capture.ErrLost) {
				t.Errorf("open = %v, want ErrLost", err)
			}
		})
		t.Run("what is lost can be started anew, as the hint says", func(t *testing.T) {
			other := r.State
			other.Source.Timeline = 77
			again := capturetest.Start(t, d.Source(t), other, event.Now)
			if again.State.Epoch != other.Epoch+1 {
				t.Errorf("the epoch is %d, want %d", again.State.Epoch, other.Epoch+1)
			}
			d.Exec(t, "INSERT INTO t VALUES (4)")
			equalLines(t, again.ToEnd(), []string{`c public.t {"id":4} null {"id":4}`})
		})
	})
}

func TestAStartInALogThatWasRestoredFromACopyIsInANewEpoch(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		d := source{servers.Postgres(t, version), nil}
		d.Exec(t, "CREATE TABLE t (id int PRIMARY KEY)")
		r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
		r.Close()

		ahead := r.State
		ahead.Position = "lsn:7FFFFFFF/0" // of the log before it was restored
		if _, err := capturetest.Open(t, d.Source(t), ahead, ""); !errors.Is(err, capture.ErrLost) {
			t.Errorf("resumed: got %v, want ErrLost", err)
		}
		again := capturetest.Start(t, d.Source(t), ahead, event.Now)
		if again.State.Epoch != ahead.Epoch+1 {
			t.Errorf("the epoch is %d, want %d", again.State.Epoch, ahead.Epoch+1)
		}
		d.Exec(t, "INSERT INTO t VALUES (1)")
		equalLines(t, again.ToEnd(), []string{`c public.t {"id":1} null {"id":1}`})
		again.Close()

		behind := capturetest.Start(t, d.Source(t), again.State, event.Now)
		if behind.State.Epoch != again.State.Epoch {
			t.Errorf("in the same log: the epoch is %d, want %d", behind.State.Epoch, again.State.Epoch)
		}
		behind.Close()
	})
}
