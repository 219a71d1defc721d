package servers

import (
	"context"
	"testing"
	"time"
)

// limit bounds whatever a helper does on a server, so that a test that got
// stuck says where. firstLimit bounds a start that may be the first of its
// product on this machine, which downloads it.
const (
	limit      = 2 * time.Minute
	firstLimit = 10 * time.Minute
)

// controls are what a test may do to a server of its own, whatever the product.
// The methods end the test when they fail and must be called on its goroutine.
type controls struct{ server controlled }

type controlled interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Kill() error
	Freeze() error
	Thaw() error
	Close() error
}

// control closes the server when the test ends.
func control(t testing.TB, server controlled) controls {
	t.Helper()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	return controls{server}
}

// Stop shuts the server down in an orderly way. Postgres waits for replication
// clients to confirm what they were sent; the others throw clients out.
func (c controls) Stop(t testing.TB) {
	t.Helper()
	within(t, c.server.Stop)
}

// Start starts a server that was stopped or killed, on the same ports, and
// returns when it takes requests.
func (c controls) Start(t testing.TB) {
	t.Helper()
	within(t, c.server.Start)
}

// Restart is Stop and Start.
func (c controls) Restart(t testing.TB) {
	t.Helper()
	c.Stop(t)
	c.Start(t)
}

// Kill ends all processes of the server with SIGKILL, as a crash would.
func (c controls) Kill(t testing.TB) {
	t.Helper()
	within(t, func(context.Context) error { return c.server.Kill() })
}

// Freeze stops all processes of the server with SIGSTOP: connections stay open
// and nothing answers.
func (c controls) Freeze(t testing.TB) {
	t.Helper()
	within(t, func(context.Context) error { return c.server.Freeze() })
}

// Thaw lets a frozen server go on.
func (c controls) Thaw(t testing.TB) {
	t.Helper()
	within(t, func(context.Context) error { return c.server.Thaw() })
}

func within(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}
