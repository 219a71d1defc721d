package publishtest

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/publish"
)

// A CommitterHarness is a Harness whose Publishers are Committers. Read returns
// what a consumer of committed records reads.
type CommitterHarness struct {
	Harness
	// Start is the State that the pipeline was acquired with.
	Start checkpoint.State
	// Saved returns the State that is saved now.
	Saved func(t *testing.T) checkpoint.State
}

// RunCommitter runs the suite of Publishers on a Committer, which commits where a
// Publisher need not, and what Committers have beyond that. It calls harness once
// for each subtest.
func RunCommitter(t *testing.T, harness func(t *testing.T) CommitterHarness) {
	for _, c := range behaviours() {
		t.Run(c.name, func(t *testing.T) {
			h := harness(t)
			c.check(t, &fixture{Harness: h.Harness, start: h.Start})
		})
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f *committed)
	}{
		{"nothing is read and no done is called before Commit", unseen},
		{"Commit saves the State with what was published before it", savedTogether},
		{"Commit of nothing saves the State", savedAlone},
		{"what is not committed at Close was never published", givenUp},
		{"after Close nothing is committed", committedAfterClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := harness(t)
			f := &committed{fixture: fixture{Harness: h.Harness, start: h.Start}, saved: h.Saved}
			behaviour{c.name, func(t *testing.T, _ *fixture) { c.run(t, f) }}.check(t, &f.fixture)
		})
	}
}

// A committed is a fixture with a Committer.
type committed struct {
	fixture
	saved func(t *testing.T) checkpoint.State
}

func unseen(t *testing.T, f *committed) {
	topic := data("shop.public.orders")
	for i := range 20 {
		f.publish(t, batch(topic, fmt.Sprintf(`{"id":%d}`, i)))
	}
	f.publish(t, new(publish.Batch))
	within(t, "Flush", func() error { return f.p.Flush(t.Context()) })
	for name, got := range f.Read(t) {
		if len(got) > 0 {
			t.Errorf("%s: got %d values before Commit, want none", name, len(got))
		}
	}
	if n := f.count(); n > 0 {
		t.Errorf("done was called for %d batches before Commit", n)
	}
	f.commit(t)
	if n := f.count(); n != 21 {
		t.Errorf("done was called for %d batches when Commit had returned, want all 21", n)
	}
	f.compare(t)
}

func savedTogether(t *testing.T, f *committed) {
	topic := data("shop.public.orders")
	for i := range 5 {
		f.publish(t, batch(topic, fmt.Sprintf(`{"id":%d}`, i)))
		f.commit(t)
		f.compare(t)
		f.holds(t)
	}
}

func savedAlone(t *testing.T, f *committed) {
	f.commit(t)
	f.holds(t)
	f.commit(t)
	f.holds(t)
}

func givenUp(t *testing.T, f *committed) {
	topic := data("shop.public.orders")
	f.publish(t, batch(topic, `{"id":1}`))
	f.commit(t)
	kept := f.lengths()
	for i := range 20 {
		f.publish(t, batch(topic, fmt.Sprintf(`{"lost":%d}`, i)))
	}
	if err := f.p.Flush(t.Context()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	f.publish(t, batch(topic, `{"lost":"last"}`))
	f.close(t)
	f.allDone(t)
	f.mu.Lock()
	for i, c := range f.accepted[1:] {
		if c.err == nil {
			t.Errorf("batch %d, which was not committed, is done without an error", i+1)
		}
	}
	f.mu.Unlock()
	f.shorten(kept)
	f.open(t)
	f.holds(t)
	f.publishAndWait(t, batch(topic, `{"id":2}`))
	f.compare(t)
	f.holds(t)
}

func committedAfterClose(t *testing.T, f *committed) {
	f.publishAndWait(t, batch(data("shop.public.orders"), `{"id":1}`))
	f.close(t)
	if err := f.p.(publish.Committer).Commit(t.Context(), f.next()); err == nil {
		t.Error("Commit after Close returned nil")
	}
	f.compare(t)
	f.holds(t)
}

// count returns how many batches are done.
func (f *committed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.accepted {
		n += c.count
	}
	return n
}

// holds checks that the State committed last is saved.
func (f *committed) holds(t *testing.T) {
	t.Helper()
	if got, want := f.saved(t).Position, f.state.Position; got != want {
		t.Errorf("the saved State is at %q, want %q, which was committed last", got, want)
	}
}
