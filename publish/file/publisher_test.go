package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/file"
	"github.com/tailrace/tailrace/publish/publishtest"
)

func TestPublisher(t *testing.T) {
	publishtest.Run(t, func(t *testing.T) publishtest.Harness {
		dir := filepath.Join(t.TempDir(), "made", "by", "Open")
		return publishtest.Harness{
			Open: func(t *testing.T) publish.Publisher { return open(t, dir) },
			Read: func(t *testing.T) map[string][]string { return readAll(t, dir) },
			Names: func(r *publish.Record) []string {
				switch r.Topic.Channel {
				case publish.Transactions:
					return []string{"_transactions"}
				case publish.Progress:
					return []string{"_progress"}
				case publish.Schemas:
					return []string{"_schemas"}
				}
				return []string{r.Topic.Name}
			},
		}
	})
}

func TestTopicsHaveFilesOfTheirOwn(t *testing.T) {
	long := strings.Repeat("long.", 60)
	for _, c := range []struct {
		name, topic, file string
	}{
		{"plain names are kept", "shop.public.order_lines-2", "shop.public.order_lines-2.ndjson"},
		{"a slash does not leave the folder", "../etc/passwd", "%2E.%2Fetc%2Fpasswd.ndjson"},
		{"a space and a percent sign are escaped", "a b%20", "a%20b%2520.ndjson"},
		{"what is not ASCII is escaped", "é", "%C3%A9.ndjson"},
		{"a zero byte is escaped", "a\x00b", "a%00b.ndjson"},
		{"the name of a control channel is not taken", "_progress", "%5Fprogress.ndjson"},
		{"no name is hidden", ".tailrace.lock", "%2Etailrace.lock.ndjson"},
		{"a long name ends in its hash", long + "a", long[:215] + "~2396e18442962630892560fe2fabeb3a.ndjson"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := open(t, dir)
			publishNow(t, p, batch(c.topic, "{}"))
			names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
			must(t, err)
			if len(names) != 1 || filepath.Base(names[0]) != c.file {
				t.Errorf("got %q, want %q", names, c.file)
			}
		})
	}
	t.Run("long names that begin alike have two files", func(t *testing.T) {
		dir := t.TempDir()
		p := open(t, dir)
		publishNow(t, p, batch(long+"a", "{}"))
		publishNow(t, p, batch(long+"b", "{}"))
		if got := len(readAll(t, dir)); got != 2 {
			t.Errorf("got %d files, want 2", got)
		}
	})
}

func TestOpenCutsTheTornLastLine(t *testing.T) {
	line := strings.Repeat("x", 100_000) + "\n"
	for _, c := range []struct {
		name, before, after string
	}{
		{"an empty file stays", "", ""},
		{"whole lines stay", "{}\n{}\n", "{}\n{}\n"},
		{"half a line behind others goes", "{}\n{}\n{\"a", "{}\n{}\n"},
		{"half a first line goes", "{\"a", ""},
		{"zeros of a crash go", "{}\n\x00\x00\x00", "{}\n"},
		{"half a line longer than a buffer goes", line + line[:99_999], line},
		{"a line break at the edge of a buffer is found", "{}\n" + strings.Repeat("x", 64<<10), "{}\n"},
		{"half a first line longer than a buffer goes", strings.Repeat("x", 200_000), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "orders.ndjson")
			must(t, os.WriteFile(path, []byte(c.before), 0o644))
			p := open(t, dir)
			if got := read(t, path); got != c.after {
				t.Errorf("got %d bytes %.50q, want %d bytes %.50q", len(got), got, len(c.after), c.after)
			}
			publishNow(t, p, batch("orders", "{}"))
			if got, want := read(t, path), c.after+"{}\n"; got != want {
				t.Errorf("after a batch: got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

func TestOnlyEventFilesAreMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	must(t, os.WriteFile(path, []byte("no line break"), 0o644))
	open(t, filepath.Dir(path))
	if got, want := read(t, path), "no line break"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASecondPublisherIsFenced(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	_, err := file.Open(dir)
	if got := failure.ExitCode(err); got != failure.ExitFenced {
		t.Fatalf("got exit code %d (%v), want %d", got, err, failure.ExitFenced)
	}
	for _, want := range []string{dir, "process " + strconv.Itoa(os.Getpid())} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %q, want %q in it", err, want)
		}
	}
	must(t, first.Close())
	open(t, dir)
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name, dir string
		make      func(t *testing.T, dir string)
	}{
		{"a file in place of the folder", "events", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "events"), nil, 0o644))
		}},
		{"a folder below a file", "file/events", func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
		}},
		{"a folder in place of an event file", "", func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "orders.ndjson"), 0o755))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, dir)
			for range 2 { // the lock of the first attempt must not stay
				_, err := file.Open(filepath.Join(dir, c.dir))
				if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), dir) {
					t.Errorf("got error %v, want a Stop that names %s", err, dir)
				}
			}
		})
	}
}

func TestAFileThatIsTakenAwayIsAStop(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	publishNow(t, p, batch("orders", "{}"))
	must(t, os.Remove(filepath.Join(dir, "orders.ndjson")))
	err := result(t, p, batch("orders", "{}"))
	if failure.ExitCode(err) != failure.ExitStop || !strings.Contains(err.Error(), "orders.ndjson") {
		t.Errorf("got error %v, want a Stop that names the file", err)
	}
	err = p.Publish(t.Context(), batch("orders", "{}"), func(error) { t.Error("done was called") })
	if err == nil {
		t.Error("Publish after a failure returned nil")
	}
}

func TestDoneIsCalledInTheOrderOfPublishing(t *testing.T) {
	p := open(t, t.TempDir())
	var got []int // only the syncer's goroutine calls done
	for i := range 300 {
		must(t, p.Publish(t.Context(), batch("orders", "{}"), func(error) { got = append(got, i) }))
	}
	must(t, p.Flush(t.Context()))
	for i := range got {
		if got[i] != i {
			t.Fatalf("done %d was for batch %d", i, got[i])
		}
	}
}

func TestLinesCanBeReadWhileThoseBeforeThemAreSynced(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	release := holdSyncer(t, p)
	second := writeBehind(t, p, dir)
	if len(second) > 0 {
		t.Error("the second batch was done before the first")
	}
	release()
	must(t, <-second)
}

func TestCloseGivesUpWhatIsNotSynced(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	release := holdSyncer(t, p)
	second := writeBehind(t, p, dir)
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	eventually.True(t, time.Minute, "the Publisher is closing", func() bool {
		return p.Publish(t.Context(), batch("orders", "3"), func(error) {}) != nil
	})
	release()
	if err := <-second; !errors.Is(err, os.ErrClosed) {
		t.Errorf("the batch behind: got %v, want that it was given up", err)
	}
	must(t, <-closed)
	if got, want := read(t, filepath.Join(dir, "orders.ndjson")), "1\n"; got != want {
		t.Errorf("got lines %q, want %q: what is not done comes again", got, want)
	}
}

// holdSyncer publishes a line to orders, and keeps p from syncing another until the
// answer is called.
func holdSyncer(t *testing.T, p *file.Publisher) (release func()) {
	t.Helper()
	synced, held := make(chan struct{}), make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release) // before p is closed
	must(t, p.Publish(t.Context(), batch("orders", "1"), func(error) {
		close(synced)
		<-held
	}))
	<-synced
	return release
}

// writeBehind publishes another line and returns when it can be read. The answer gets
// what done is called with.
func writeBehind(t *testing.T, p *file.Publisher, dir string) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	must(t, p.Publish(t.Context(), batch("orders", "2"), func(err error) { done <- err }))
	eventually.True(t, time.Minute, "the second line is written", func() bool { return read(t, filepath.Join(dir, "orders.ndjson")) == "1\n2\n" })
	return done
}

func TestMoreTopicsThanAreKeptOpenAreAllWritten(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	const topics, rounds = 600, 4 // 256 are kept open
	for round := range rounds {
		for i := range topics {
			must(t, p.Publish(t.Context(), batch(fmt.Sprintf("t%d", i), strconv.Itoa(round)), func(err error) {
				if err != nil {
					t.Errorf("topic %d, round %d: %v", i, round, err)
				}
			}))
		}
	}
	must(t, p.Flush(t.Context()))
	all := readAll(t, dir)
	for i := range topics {
		if got, want := fmt.Sprint(all[fmt.Sprintf("t%d", i)]), "[0 1 2 3]"; got != want {
			t.Errorf("topic %d: got lines %s, want %s", i, got, want)
		}
	}
}

func TestPublishInSteadyStateDoesNotAllocate(t *testing.T) {
	p := open(t, t.TempDir())
	b := new(publish.Batch)
	for i := range 20 {
		topic := &publish.Topic{Name: fmt.Sprintf("t%d", i%4)}
		b.Add(topic, 0, []byte("key"), []byte(`{"id":1,"text":"some text"}`))
	}
	synced := make(chan error)
	done := func(err error) { synced <- err }
	if got := testing.AllocsPerRun(20, func() {
		if err := p.Publish(t.Context(), b, done); err != nil {
			t.Error(err)
		}
		<-synced
	}); got >= 1 {
		t.Errorf("got %v allocations for a batch, want none", got)
	}
}

func open(t testing.TB, dir string) *file.Publisher {
	t.Helper()
	p, err := file.Open(dir)
	must(t, err)
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// readAll returns the lines of all event files by their names.
func readAll(t *testing.T, dir string) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	must(t, err)
	all := make(map[string][]string)
	for _, path := range paths {
		all[strings.TrimSuffix(filepath.Base(path), ".ndjson")] = publishtest.Lines(read(t, path))
	}
	return all
}

// result publishes b and returns what its done was called with.
func result(t *testing.T, p *file.Publisher, b *publish.Batch) error {
	t.Helper()
	done := make(chan error, 1)
	must(t, p.Publish(t.Context(), b, func(err error) { done <- err }))
	return <-done
}

func publishNow(t *testing.T, p *file.Publisher, b *publish.Batch) {
	t.Helper()
	must(t, result(t, p, b))
}

func batch(topic string, lines ...string) *publish.Batch {
	b := new(publish.Batch)
	for _, line := range lines {
		b.Add(&publish.Topic{Name: topic}, 0, []byte("key"), []byte(line))
	}
	return b
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsThatAreKeptApartHaveTheFileOfTheirTopic(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	b := batch("shop.orders", "row")
	b.Add(&publish.Topic{Name: "shop.control", Channel: publish.Control}, 0, nil, []byte("truncate"))
	publishNow(t, p, b)
	if got, want := read(t, filepath.Join(dir, "shop.control.ndjson")), "truncate\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
