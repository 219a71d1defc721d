package main_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

func newEMFSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, servers.Postgres(t, 18))
	s.config = "emf.yaml"
	s.env["TAILRACE_SOURCE"], s.env["TAILRACE_TABLES"] = s.source(), "public.*"
	return s
}

func TestADaemonWithoutPagesWritesItsNumbersToStdoutAtItsEnd(t *testing.T) {
	t.Parallel()
	s := newEMFSite(t)
	p := s.follow(t, fromNow...)
	if got := p.following(t)["admin"]; got != "off" {
		t.Errorf("admin in the start line: got %v, want off", got)
	}
	s.insert(t, 1, 3)
	eventually.True(t, patience, "the events are there", func() bool { return len(s.ids(t)) == 3 })
	p.stop(t)
	p.endsInALine(t, s.name, 3, 0)
}

func TestADaemonThatAnErrorEndsTellsCloudWatchOfAFailure(t *testing.T) {
	t.Parallel()
	s := newEMFSite(t)
	p := s.follow(t, fromNow...)
	p.following(t)
	s.insert(t, 1, 3)
	eventually.True(t, patience, "the events are there", func() bool { return len(s.ids(t)) == 3 })
	s.db.Exec(t, "DROP PUBLICATION "+s.slot)
	s.insert(t, 4, 4)
	p.exits(t, 4)
	p.endsInALine(t, s.name, 3, 1)
}

// endsInALine fails unless stdout holds one line, of the end of a pipeline that has
// published changes.
func (p *process) endsInALine(t *testing.T, pipeline string, changes, failures float64) {
	t.Helper()
	text := p.stdout.String()
	var line struct {
		Meta struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
		} `json:"_aws"`
		Pipeline, Doing string
		Ready           *float64 `json:"tailrace_ready"`
		Failures        *float64 `json:"tailrace_failures"`
		Changes         float64  `json:"tailrace_published_changes"`
		Bytes           float64  `json:"tailrace_published_bytes"`
	}
	if strings.Count(text, "\n") != 1 {
		t.Fatalf("stdout: got %q, want one line", text)
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil || len(line.Meta.CloudWatchMetrics) != 1 {
		t.Fatalf("stdout: got %q, %v, want a line for CloudWatch", text, err)
	}
	if line.Pipeline != pipeline || line.Doing != "stopped" || line.Ready == nil || *line.Ready != 0 || line.Changes != changes || line.Bytes == 0 {
		t.Errorf("got %s, want %v changes of %s, which has stopped", text, changes, pipeline)
	}
	if line.Failures == nil || *line.Failures != failures {
		t.Errorf("got %s, want %v failures", text, failures)
	}
	if strings.Contains(text, rowValue) {
		t.Error("stdout shows the value of a row")
	}
}

// pipe returns both ends of a pipe.
func pipe(t *testing.T) (in, out *os.File) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = out.Close()
	})
	return in, out
}

// fill writes to a pipe until it is full.
func fill(t *testing.T, out *os.File) {
	t.Helper()
	page := make([]byte, os.Getpagesize()) // as much as there is room for at least, where there is any
	for {
		room := []unix.PollFd{{Fd: int32(out.Fd()), Events: unix.POLLOUT}}
		n, err := unix.Poll(room, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if _, err := out.Write(page); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStdoutThatNobodyReadsDoesNotHoldADaemonUp(t *testing.T) {
	t.Parallel()
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		s := newEMFSite(t)
		p := new(process)
		in, out := pipe(t)
		p.begin(t, s.command(t.Context(), append([]string{"run", "-c", "testdata/" + s.config}, fromNow...)...), out)
		_ = in.Close()
		p.following(t)
		p.stop(t)
		if n := len(p.lines(t, "the numbers for CloudWatch can't be written to stdout")); n != 1 {
			t.Errorf("lines of the log: got %d, want one that says so", n)
		}
	})
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		s := newEMFSite(t)
		p := new(process)
		_, out := pipe(t)
		fill(t, out)
		p.begin(t, s.command(t.Context(), append([]string{"run", "-c", "testdata/" + s.config}, fromNow...)...), out)
		p.following(t)
		s.insert(t, 1, 3)
		eventually.True(t, patience, "the events are there", func() bool { return len(s.ids(t)) == 3 })
		p.stop(t)
	})
}
