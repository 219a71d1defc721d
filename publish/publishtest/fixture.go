package publishtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/publish"
)

// patience is how long a Publisher may take for what it must not refuse.
const patience = time.Minute

// A fixture is a Harness with an open Publisher, and what was published to it.
type fixture struct {
	Harness
	p      publish.Publisher
	closed bool
	want   map[string][]string // values accepted, by name

	// Of a Committer.
	start checkpoint.State // from which all others are moved forward
	state checkpoint.State // committed last
	made  int              // States, so far

	mu       sync.Mutex
	accepted []*call
}

// A call is what is known of one accepted batch.
type call struct {
	count int // how often done was called
	err   error
	lines map[string]int // how many values of each name in this batch there were up to and with it
}

func (f *fixture) open(t *testing.T) {
	t.Helper()
	f.p, f.closed = f.Open(t), false
	t.Cleanup(func() { f.close(t) })
}

func (f *fixture) close(t *testing.T) {
	t.Helper()
	if f.closed {
		return
	}
	f.closed = true
	within(t, "Close", func() error { return f.p.Close() })
}

// publish hands b on and does not wait.
func (f *fixture) publish(t *testing.T, b *publish.Batch) {
	t.Helper()
	if err := f.publishIn(t.Context(), b); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// publishAndWait hands b on, commits it if the Publisher is a Committer, and waits
// for its done.
func (f *fixture) publishAndWait(t *testing.T, b *publish.Batch) {
	t.Helper()
	done := make(chan error, 1)
	if err := f.publishThen(t.Context(), b, func(err error) { done <- err }); err != nil {
		t.Fatalf("publish: %v", err)
	}
	f.commit(t)
	within(t, "done", func() error { return <-done })
}

func (f *fixture) publishIn(ctx context.Context, b *publish.Batch) error {
	return f.publishThen(ctx, b, func(error) {})
}

func (f *fixture) publishThen(ctx context.Context, b *publish.Batch, then func(error)) error {
	values := f.values(b) // b is the Publisher's once it is accepted
	c := new(call)
	err := f.p.Publish(ctx, b, func(err error) {
		f.mu.Lock()
		c.count++
		c.err = err
		f.mu.Unlock()
		then(err)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil || c.count > 0 {
		f.accepted = append(f.accepted, c)
		c.lines = make(map[string]int)
		for _, v := range values {
			f.want[v.name] = append(f.want[v.name], v.text)
			c.lines[v.name] = len(f.want[v.name])
		}
	}
	return err
}

type value struct{ name, text string }

func (f *fixture) values(b *publish.Batch) []value {
	var all []value
	for i := range b.Records {
		r := &b.Records[i]
		for _, name := range f.Names(r) {
			all = append(all, value{name, string(b.Value(r))})
		}
	}
	return all
}

// flush flushes, and commits if the Publisher is a Committer.
func (f *fixture) flush(t *testing.T) {
	t.Helper()
	within(t, "Flush", func() error { return f.p.Flush(t.Context()) })
	f.commit(t)
}

// commit commits what was published, with a State of its own, if the Publisher is
// a Committer.
func (f *fixture) commit(t *testing.T) {
	t.Helper()
	c, ok := f.p.(publish.Committer)
	if !ok {
		return
	}
	f.state = f.next()
	within(t, "Commit", func() error { return c.Commit(t.Context(), f.state) })
}

// next returns a State that was not committed before.
func (f *fixture) next() checkpoint.State {
	f.made++
	st := f.start
	st.Position = event.Position(fmt.Sprintf("place:%d", f.made))
	return st
}

// allDone checks that done was called once for everything accepted.
func (f *fixture) allDone(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, c := range f.accepted {
		if c.count != 1 {
			t.Errorf("batch %d: done was called %d times, want once", i, c.count)
		}
	}
}

// compare checks that exactly what was accepted can be read.
func (f *fixture) compare(t *testing.T) {
	t.Helper()
	got := f.Read(t)
	for name, want := range f.want {
		sameLines(t, name, got[name], want)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if f.want[name] == nil && len(got[name]) > 0 {
			t.Errorf("%s: got %d values, want none", name, len(got[name]))
		}
	}
}

// prefix checks that what can be read of each name is the beginning of what was
// accepted, and holds all that is done. That a batch is done says nothing about
// earlier ones with other names.
func (f *fixture) prefix(t *testing.T) {
	t.Helper()
	got := f.Read(t)
	durable := make(map[string]int)
	f.mu.Lock()
	for _, c := range f.accepted {
		if c.err != nil {
			continue
		}
		for name, lines := range c.lines {
			durable[name] = max(durable[name], lines)
		}
	}
	f.mu.Unlock()
	for name, want := range f.want {
		n := len(got[name])
		if n < durable[name] || n > len(want) {
			t.Errorf("%s: got %d values, want at least %d that are done and at most %d", name, n, durable[name], len(want))
			continue
		}
		sameLines(t, name, got[name], want[:n])
	}
}

// times is how often a behaviour does what it would do n times.
func (f *fixture) times(n int) int { return n / cmp.Or(f.Fewer, 1) }

// lengths returns how much was accepted of each name.
func (f *fixture) lengths() map[string]int {
	all := make(map[string]int)
	for name, values := range f.want {
		all[name] = len(values)
	}
	return all
}

// shorten forgets what was accepted since lengths returned this.
func (f *fixture) shorten(lengths map[string]int) {
	for name := range f.want {
		f.want[name] = f.want[name][:lengths[name]]
	}
}

func sameLines(t *testing.T, name string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d values, want %d", name, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: value %d is %.80q, want %.80q", name, i, got[i], want[i])
			return
		}
	}
}

// within runs do and ends the test if it fails or takes too long.
func within(t *testing.T, what string, do func() error) {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- do() }()
	select {
	case err := <-result:
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s has not come for %v", what, patience)
	}
}

func data(name string) *publish.Topic { return &publish.Topic{Name: name} }

func add(b *publish.Batch, topic *publish.Topic, text string) {
	key := `{"id":1}`
	b.Add(topic, uint32(len(b.Records)), []byte(key), []byte(text))
}

func batch(topic *publish.Topic, texts ...string) *publish.Batch {
	b := new(publish.Batch)
	for _, text := range texts {
		add(b, topic, text)
	}
	return b
}

// Lines splits what a Publisher wrote as lines, for a Harness. A last line
// without a break is no line.
func Lines(text string) []string {
	all := strings.Split(text, "\n")
	return all[:len(all)-1]
}
