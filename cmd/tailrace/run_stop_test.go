package main_test

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
)

// A blocked pipeline writes to a pipe that nobody reads.
type blocked struct {
	*process
	pipe *os.File
}

// many rows are more than a pipe, and the writer's queue before it, can hold.
const many = 5000

// block runs the pipeline from its place, inserts many rows, and returns once
// the pipe is full.
func (s *site) block(t *testing.T, args ...string) blocked {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() }) // a test that reads it has closed it
	cmd := s.command(t.Context(), append([]string{"run", "-c", "testdata/tailrace.yaml", "--publish", "stdout:"}, args...)...)
	b := blocked{new(process).begin(t, cmd, write), read}
	b.following(t)
	s.insert(t, 1, many)
	eventually.True(t, patience, "the pipe is full", func() bool {
		room := []unix.PollFd{{Fd: int32(write.Fd()), Events: unix.POLLOUT}}
		n, err := unix.Poll(room, 0)
		return err == nil && n == 0
	})
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

// rest returns what came through the pipe until it was closed by the process.
func (b blocked) rest(t *testing.T) string {
	t.Helper()
	text, err := io.ReadAll(b.pipe)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestADrainThatTakesTooLongEndsWithItsOwnCodeAndLosesNothing(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		b := s.block(t, "--drain", "1s")
		begin := time.Now()
		b.signal(t, syscall.SIGTERM)
		b.exits(t, 5)
		if got, want := time.Since(begin), 10*time.Second; got > want {
			t.Errorf("time to stop with a drain limit of 1s: got %v, want at most %v", got, want)
		}
		got := b.verdict(t)
		want := "the drain limit passed before everything was flushed; raise --drain, or see why the sink is slow; what was not flushed is sent again by the next start"
		if got != want {
			t.Errorf("sentence:\n got %s\nwant %s", got, want)
		}
		seen := idsOf(t, b.rest(t))
		again := s.follow(t, "--publish", "stdout:", "--until", "now")
		again.succeeds(t)
		// What was written and not saved comes again.
		seen = append(seen, idsOf(t, again.stdout.String())...)
		slices.Sort(seen)
		wantIDs(t, slices.Compact(seen), 1, many)
	})
}

func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		want   int
	}{
		{"SIGTERM", syscall.SIGTERM, 143},
		{"SIGINT", syscall.SIGINT, 130},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, servers.Postgres(t, 18))
			s.establish(t)
			b := s.block(t)
			// Of two signals that come at once the kernel may make one.
			eventually.True(t, patience, "the process has ended", func() bool {
				_ = b.cmd.Process.Signal(c.signal) // it may have ended
				select {
				case <-b.ended:
					return true
				default:
					return false
				}
			})
			b.exits(t, c.want)
		})
	}
}

// A load inserts rows with rising ids, one per transaction, until it is ended.
type load struct {
	stop context.CancelFunc
	last chan int
}

// load starts to insert rows after the given id. It connects again when the
// server went away.
func (s *site) load(t *testing.T, after int) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop, make(chan int, 1)}
	go func() {
		id := after
		for ctx.Err() == nil {
			_ = s.insertUntil(ctx, &id) // the server went away, or ctx ended
		}
		l.last <- id
	}()
	t.Cleanup(stop)
	return l
}

func (s *site) insertUntil(ctx context.Context, id *int) error {
	conn, err := pgx.Connect(ctx, s.db.URL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// After a lost connection nobody knows whether the last row was committed.
	if err := conn.QueryRow(ctx, "SELECT greatest(max(id), $1) FROM orders", *id).Scan(id); err != nil {
		return err
	}
	for ctx.Err() == nil {
		// Not cancelled in the middle, so that id tells what is there.
		_, err := conn.Exec(context.WithoutCancel(ctx), "INSERT INTO orders VALUES ($1, $2)", *id+1, rowValue)
		if err != nil {
			return err
		}
		*id++
	}
	return nil
}

// end returns the last id.
func (l *load) end() int {
	l.stop()
	return <-l.last
}

func TestAStopUnderLoadSavesConfirmsAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		s.establish(t)
		l := s.load(t, 0)
		for range 3 {
			before := len(s.ids(t))
			p := s.follow(t)
			eventually.True(t, patience, "events arrive", func() bool { return len(s.ids(t)) > before+20 })
			p.stop(t)
			s.wantConfirmed(t)
		}
		last := l.end()
		s.follow(t, "--until", "now").succeeds(t)
		wantIDs(t, s.ids(t), 1, last)
	})
}

func TestAPipelineThatIsToldToStopBeforeItHasConnectedEndsWell(t *testing.T) {
	t.Parallel()
	s := nowhere(t, "postgres://user:"+password+"@127.0.0.1:1/db?sslmode=disable")
	p := s.follow(t, fromNow...)
	p.logs(t, "starting again from the saved state")
	p.stop(t)
	if _, err := os.Stat(s.checkpoint()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("checkpoint: got %v, want none", err)
	}
}
