package status_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/status"
)

func TestTheLastLineSaysThatItEndsAndWhetherByAnError(t *testing.T) {
	for _, c := range []struct {
		name     string
		phase    pipeline.Phase
		end      func(*status.Server)
		failures float64
	}{
		{"an error ends it while it follows", pipeline.Following, func(s *status.Server) { s.End(errors.New("the stream is gone")) }, 1},
		{"an error ends it while it waits", pipeline.Waiting, func(s *status.Server) { s.End(errors.New("the stream is gone")) }, 1},
		{"it has drained", pipeline.Draining, func(s *status.Server) { s.End(nil) }, 0},
		{"it is closed without a word", pipeline.Following, func(*status.Server) {}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := new(screen)
			w := following()
			w.Doing.Phase, w.Doing.Idle, w.Doing.Why, w.Doing.Sink = c.phase, false, "the brokers are away", time.Minute
			emit(t, out, func(time.Time) status.Work { return w }, func(s *status.Server) {
				minutes(1)
				if got := out.take(t); len(got) != 1 || got[0]["tailrace_failures"] != 0.0 || got[0]["doing"] == "stopped" {
					t.Errorf("before the end: got %v, want one line without a failure", got)
				}
				c.end(s)
				s.Close()
				got := out.take(t)
				if len(got) != 1 || got[0]["doing"] != "stopped" || got[0]["tailrace_ready"] != 0.0 || got[0]["tailrace_failures"] != c.failures {
					t.Errorf("at the end: got %v, want one line that it is stopped and not ready, with %v failures", got, c.failures)
				}
			})
		})
	}
}

func TestAMinuteThatPassesWhileItEndsCountsNoFailureTwice(t *testing.T) {
	out := new(screen)
	emit(t, out, func(time.Time) status.Work { return following() }, func(s *status.Server) {
		s.End(errors.New("the stream is gone"))
		minutes(1)
		sum := out.take(t)[0]["tailrace_failures"].(float64)
		s.Close()
		sum += out.take(t)[0]["tailrace_failures"].(float64)
		if sum != 1 {
			t.Errorf("in all lines: got %v failures, want one", sum)
		}
	})
}
