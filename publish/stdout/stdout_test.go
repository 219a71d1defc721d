package stdout_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/publishtest"
	"github.com/tailrace/tailrace/publish/stdout"
)

const stream = "the stream"

// names: a stream is one topic, and takes events alone.
func names(r *publish.Record) []string {
	if r.Topic.Channel.Events() {
		return []string{stream}
	}
	return nil
}

func TestPublisherToAFile(t *testing.T) {
	publishtest.Run(t, func(t *testing.T) publishtest.Harness {
		path := filepath.Join(t.TempDir(), "out")
		out, err := os.Create(path)
		must(t, err)
		t.Cleanup(func() { out.Close() })
		return publishtest.Harness{
			Open: func(*testing.T) publish.Publisher { return stdout.Open(out) },
			Read: func(t *testing.T) map[string][]string {
				text, err := os.ReadFile(path)
				must(t, err)
				return map[string][]string{stream: publishtest.Lines(string(text))}
			},
			Names: names,
		}
	})
}

// TestPublisherToAPipe reads the pipe all the time. What was written is in the
// pipe or read, so Read writes a line of its own behind it and waits for that.
func TestPublisherToAPipe(t *testing.T) {
	publishtest.Run(t, func(t *testing.T) publishtest.Harness {
		const mark = "read until here"
		out, in := io.Pipe()
		var mu sync.Mutex
		var text strings.Builder
		go func() {
			buf := make([]byte, 1000)
			for {
				n, err := out.Read(buf)
				mu.Lock()
				text.Write(buf[:n])
				mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { in.Close() })
		return publishtest.Harness{
			Open: func(*testing.T) publish.Publisher { return stdout.Open(in) },
			Read: func(*testing.T) map[string][]string {
				for range 2 { // the second is taken once the first was added to text
					io.WriteString(in, mark+"\n")
				}
				mu.Lock()
				defer mu.Unlock()
				lines := publishtest.Lines(text.String())
				return map[string][]string{stream: slices.DeleteFunc(lines, func(s string) bool { return s == mark })}
			},
			Names: names,
		}
	})
}

func TestAReaderThatGoesAwayIsAStop(t *testing.T) {
	out, in, err := os.Pipe()
	must(t, err)
	defer in.Close()
	p := stdout.Open(in)
	defer p.Close()
	must(t, out.Close())

	done := make(chan error, 1)
	must(t, p.Publish(t.Context(), batch("{}"), func(err error) { done <- err }))
	err = <-done
	if got, want := err.Error(), "stdout was closed by its reader; start it again with a reader that stays: it goes on where it stopped"; got != want {
		t.Errorf("got error %q, want %q", got, want)
	}
	if got := failure.ExitCode(err); got != failure.ExitStop || failure.Retryable(err) {
		t.Errorf("got exit code %d, want %d", got, failure.ExitStop)
	}
	refused := p.Publish(t.Context(), batch("{}"), func(error) { t.Error("done was called") })
	if !errors.Is(refused, err) || !errors.Is(p.Flush(t.Context()), err) {
		t.Errorf("after it: got error %v, want %v", refused, err)
	}
}

func TestAnErrorOfTheStreamIsGivenToAllThatWait(t *testing.T) {
	w := &gate{open: make(chan error)}
	p := stdout.Open(w)
	defer p.Close()
	const batches = 5
	done := make(chan error, batches)
	for range batches {
		must(t, p.Publish(t.Context(), batch("{}"), func(err error) { done <- err }))
	}
	w.open <- nil
	if err := <-done; err != nil {
		t.Errorf("the written batch: got error %v, want nil", err)
	}
	w.open <- syscall.ENOSPC
	for range batches - 1 {
		if err := <-done; !errors.Is(err, syscall.ENOSPC) || failure.ExitCode(err) != failure.ExitStop {
			t.Errorf("a batch behind it: got error %v, want a Stop for %v", err, syscall.ENOSPC)
		}
	}
}

func TestCloseDoesNotWaitForAReaderThatDoesNotRead(t *testing.T) {
	out, in, err := os.Pipe()
	must(t, err)
	defer in.Close()
	defer out.Close() // ends the write that is stuck
	p := stdout.Open(in)
	var mu sync.Mutex
	accepted, refused := 0, 0
	large := strings.Repeat("x", 1<<20) // more than a pipe holds
	for range 10 {
		must(t, p.Publish(t.Context(), batch(large), func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, os.ErrClosed) {
				refused++
			}
		}))
		accepted++
	}
	must(t, p.Close())
	mu.Lock()
	defer mu.Unlock()
	if refused != accepted {
		t.Errorf("when Close returned %d of %d batches were given up", refused, accepted)
	}
}

func TestPublishInSteadyStateDoesNotAllocate(t *testing.T) {
	p := stdout.Open(io.Discard)
	defer p.Close()
	b := new(publish.Batch)
	topic := &publish.Topic{Name: "orders"}
	for range 100 {
		b.Add(topic, 0, []byte("key"), []byte(`{"id":1,"text":"some text"}`))
	}
	written := make(chan error)
	done := func(err error) { written <- err }
	if got := testing.AllocsPerRun(100, func() {
		if err := p.Publish(t.Context(), b, done); err != nil {
			t.Error(err)
		}
		<-written
	}); got >= 1 {
		t.Errorf("got %v allocations for a batch, want none", got)
	}
}

// A gate is a stream whose writes end when they are told how.
type gate struct{ open chan error }

func (g *gate) Write(p []byte) (int, error) {
	if err := <-g.open; err != nil {
		return 0, err
	}
	return len(p), nil
}

func batch(text string) *publish.Batch {
	b := new(publish.Batch)
	b.Add(&publish.Topic{Name: "orders"}, 0, nil, []byte(text))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsThatAreKeptApartAreInTheStreamToo(t *testing.T) {
	var out strings.Builder
	p := stdout.Open(&out)
	b := new(publish.Batch)
	b.Add(&publish.Topic{Name: "shop.control", Channel: publish.Control}, 0, nil, []byte("truncate"))
	b.Add(&publish.Topic{Name: "shop.progress", Channel: publish.Progress}, 0, nil, []byte("progress"))
	must(t, p.Publish(t.Context(), b, func(error) {}))
	must(t, p.Flush(t.Context()))
	must(t, p.Close())
	if got, want := out.String(), "truncate\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
