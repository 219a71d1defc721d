package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/discard"
)

func TestTheStatusStaysBelowTheLines(t *testing.T) {
	var out bytes.Buffer
	s := console.NewScreen(&out, func() int { return 12 })
	s.Status("5 rows/s and more")
	if _, err := s.Write([]byte("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	s.Status("")
	const status = "\x1b[7m 5 rows/s …\x1b[0m"
	want := "\r\x1b[K" + status + "\r\x1b[Kone\ntwo\n" + status + "\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAStatusIsALineWhereThereIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	s := console.NewScreen(&out, nil)
	s.Status("5 rows/s")
	if _, err := s.Write([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	s.Status("")
	if got, want := out.String(), "5 rows/s\none\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// batch has a data record and a control record.
func batch() *publish.Batch {
	b := new(publish.Batch)
	b.Add(&publish.Topic{Name: "t"}, 0, []byte(`{"id":7}`), []byte(`{"op":"d","before":{"id":7},"source":{"schema":"public","table":"t"}}`))
	b.Add(&publish.Topic{Name: "p", Channel: publish.Progress}, 0, nil, []byte(`{}`))
	return b
}

const batchLine = "00:00:00.000 delete   public.t  id 7\n"

func TestAFollowerShowsWhatIsDurable(t *testing.T) {
	var out bytes.Buffer
	f := console.NewFollower(discard.Open(), &out, console.Options{})
	calls := 0
	if err := f.Publish(context.Background(), batch(), func(err error) {
		calls++
		if err != nil {
			t.Errorf("done: got %v", err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != batchLine || calls != 1 {
		t.Errorf("got %q and %d calls of done, want %q and 1", got, calls, batchLine)
	}
	if got := f.Events(); got != 1 {
		t.Errorf("events: got %d, want 1", got)
	}
}

// failing is a publisher whose batches never become durable.
type failing struct {
	publish.Publisher
	err error
}

func (f failing) Publish(_ context.Context, _ *publish.Batch, done func(error)) error {
	done(f.err)
	return nil
}

func TestAFollowerShowsNothingThatIsNotDurable(t *testing.T) {
	var out bytes.Buffer
	want := errors.New("the disk is full")
	f := console.NewFollower(failing{err: want}, &out, console.Options{})
	if err := f.Publish(context.Background(), batch(), func(got error) {
		if !errors.Is(got, want) {
			t.Errorf("done: got %v, want %v", got, want)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("got %q, want nothing", out.String())
	}
}

func TestAFollowerReportsATerminalThatIsGone(t *testing.T) {
	r, w := io.Pipe()
	_ = r.Close()
	f := console.NewFollower(discard.Open(), w, console.Options{})
	if err := f.Publish(context.Background(), batch(), func(got error) {
		if !errors.Is(got, io.ErrClosedPipe) {
			t.Errorf("done: got %v, want %v", got, io.ErrClosedPipe)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// collecting keeps the values that it is given.
type collecting struct {
	publish.Publisher
	lines strings.Builder
}

func (c *collecting) Publish(_ context.Context, b *publish.Batch, done func(error)) error {
	for i := range b.Records {
		c.lines.Write(b.Value(&b.Records[i]))
		c.lines.WriteByte('\n')
	}
	done(nil)
	return nil
}

func TestAPublisherHandsOnLinesOfDataRecords(t *testing.T) {
	var lines collecting
	p := console.NewPublisher(&lines, console.Options{})
	done := false
	if err := p.Publish(context.Background(), batch(), func(err error) { done = err == nil }); err != nil {
		t.Fatal(err)
	}
	if got := lines.lines.String(); got != batchLine || !done {
		t.Errorf("got %q and done = %v, want %q and true", got, done, batchLine)
	}
}

func TestCountsAreReadable(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := console.Count(n); got != want {
			t.Errorf("Count(%d): got %s, want %s", n, got, want)
		}
	}
}
