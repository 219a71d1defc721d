package snapshot_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
	"github.com/tailrace/tailrace/snapshot"
)

// An asleep source says once where its log ends, which was written long ago, and then
// nothing. Whoever connects to it to copy a table is noted.
type asleep struct {
	*source
	said      bool
	connected chan struct{}
}

func newAsleep() *asleep {
	w := newWorld(rand.New(rand.NewPCG(1, 1)), 3)
	return &asleep{source: &source{w: w, tables: make(map[string]*schema.Table), next: w.end()}, connected: make(chan struct{})}
}

// join begins a life at the end of the log.
func (a *asleep) join(t *testing.T, mode snapshot.Mode) (*snapshot.Copies, *snapshot.Join) {
	t.Helper()
	copies := snapshot.New(snapshot.Config{Copier: a, Mode: mode, Connections: 1, Memory: 1 << 20})
	st, err := copies.Begin(t.Context(), checkpoint.State{}, checkpoint.State{Position: position(a.next), Bound: a.next}, true)
	if err != nil {
		t.Fatal(err)
	}
	j, err := copies.Join(st, "", a, reached, func(bool) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return copies, j
}

func (a *asleep) Next(ctx context.Context, u *event.Unit) error {
	if !a.said {
		a.said = true
		u.Position, u.Bound, u.Millis = position(a.next), a.next, time.Now().Add(-time.Hour).UnixMilli()
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (a *asleep) Connect(ctx context.Context) (capture.CopySession, error) {
	close(a.connected)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestALogThatIsStillIsNotFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newAsleep()
		_, j := src.join(t, snapshot.Initial)
		defer j.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		go j.Pump(ctx)
		go func() {
			for ctx.Err() == nil {
				_, _ = j.Next(ctx, new(event.Unit)) // its error is that ctx has ended
			}
		}()
		synctest.Wait() // the end of the log is known
		begin := time.Now()
		go j.Tend(ctx)
		go j.Work(ctx)
		<-src.connected
		if took := time.Since(begin); took > 400*time.Millisecond {
			t.Errorf("the first chunk was begun after %v, want less than 400ms", took)
		}
	})
}
