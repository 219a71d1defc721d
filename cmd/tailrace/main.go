// Tailrace follows the log of a database and emits one JSON event per changed
// row.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/tailrace/tailrace/internal/failure"
)

func main() {
	// A reader of stdout that goes away is an error of the sink, which has a
	// sentence of its own, and not the end of the process in mid-flight.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := untilSignal()
	err := root().ExecuteContext(ctx)
	cancel()
	var told *toldError
	if err != nil && !asTold(err, &told) {
		fmt.Fprintln(os.Stderr, "tailrace:", err)
	}
	os.Exit(failure.ExitCode(err))
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. The
// second one ends the process at once.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		if n, ok := (<-signals).(syscall.Signal); ok {
			os.Exit(128 + int(n))
		}
	}()
	return ctx, cancel
}
