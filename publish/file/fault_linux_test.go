package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/scarce"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/file"
)

func TestAFullDiskStopsAndLeavesNoHalfLine(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	dir := t.TempDir()
	p := open(t, dir)
	publishNow(t, p, batch("orders", `{"id":1}`))
	publishNow(t, p, batch("users", `{"id":1}`))

	long := batch("orders", strings.Repeat("x", 200))
	long.Add(&publish.Topic{Name: "users"}, 0, nil, []byte(`{"id":2}`))
	var err error
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 100, func() { err = result(t, p, long) })
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got error %v, want a Stop for the size", err)
	}
	refused := p.Publish(t.Context(), batch("orders", "{}"), func(error) { t.Error("done was called") })
	if !errors.Is(refused, err) {
		t.Errorf("a later batch: got error %v, want %v", refused, err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, name := range []string{"orders", "users"} {
		if got, want := read(t, filepath.Join(dir, name+".ndjson")), "{\"id\":1}\n"; got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

func TestWhatIsQueuedBehindAFailureIsNotKept(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	dir := t.TempDir()
	p := open(t, dir)
	results := make(chan error, 200)
	accepted := 0
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 1000, func() {
		for i := range 200 {
			done := func(err error) { results <- err }
			if p.Publish(t.Context(), batch("orders", fmt.Sprintf(`{"id":%010d}`, i)), done) == nil {
				accepted++
			}
		}
	})
	durable, failed := 0, false
	for range accepted {
		switch err := <-results; {
		case err != nil:
			failed = true
		case failed:
			t.Error("a batch is durable behind one that failed")
		default:
			durable++
		}
	}
	must(t, p.Close()) // cuts off what is not durable
	if got := len(readAll(t, dir)["orders"]); got != durable || !failed {
		t.Errorf("got %d lines, want the %d that are done of the %d accepted", got, durable, accepted)
	}
}

func TestNothingIsCutOffWhereSomebodyElseWrote(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	dir := t.TempDir()
	p := open(t, dir)
	publishNow(t, p, batch("orders", `{"id":1}`))
	f, err := os.OpenFile(filepath.Join(dir, "orders.ndjson"), os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString("{}\n")
	must(t, errors.Join(err, f.Close()))
	publishNow(t, p, batch("orders", `{"id":2}`))
	last := batch("orders", `{"id":3}`) // not done, and yet it stays
	last.Add(&publish.Topic{Name: "users"}, 0, nil, []byte(strings.Repeat("x", 200)))
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 100, func() { err = result(t, p, last) })
	if !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("got error %v, want one for the size", err)
	}
	must(t, p.Close())
	if got, want := read(t, filepath.Join(dir, "orders.ndjson")), "{\"id\":1}\n{}\n{\"id\":2}\n{\"id\":3}\n"; got != want {
		t.Errorf("got lines %q, want %q", got, want)
	}
}

func TestTooFewFileDescriptorsAreShared(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	dir := t.TempDir()
	p := open(t, dir)
	publishNow(t, p, batch("t0", "{}"))
	b := new(publish.Batch)
	for i := range 100 {
		b.Add(&publish.Topic{Name: fmt.Sprintf("t%d", i)}, 0, nil, []byte("{}"))
	}
	scarce.Limited(t, syscall.RLIMIT_NOFILE, 40, func() { publishNow(t, p, b) })
	if got, want := len(readAll(t, dir)), 100; got != want {
		t.Errorf("got %d files, want %d", got, want)
	}
}

func TestOpenRefusesAFullDisk(t *testing.T) {
	if !scarce.Alone(t) {
		return
	}
	dir := t.TempDir()
	var err error
	scarce.Limited(t, syscall.RLIMIT_FSIZE, 100, func() { _, err = file.Open(dir) })
	if failure.ExitCode(err) != failure.ExitStop || !errors.Is(err, syscall.EFBIG) {
		t.Errorf("got error %v, want a Stop for the size", err)
	}
}

func TestOpenRefusesWhatIsNotWritable(t *testing.T) {
	for _, c := range []struct {
		name         string
		folder, file os.FileMode
	}{
		{"the folder", 0o555, 0o666},
		{"an event file in it", 0o777, 0o444},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "orders.ndjson")
			must(t, os.WriteFile(path, []byte("{}\n"), 0o644))
			must(t, os.Chmod(path, c.file))
			must(t, os.Chmod(dir, c.folder))
			defer os.Chmod(dir, 0o755)
			must(t, os.Chmod(filepath.Dir(dir), 0o755))
			scarce.AsNobody(func() {
				_, err := file.Open(dir)
				if failure.ExitCode(err) != failure.ExitStop || !errors.Is(err, os.ErrPermission) {
					t.Errorf("got error %v, want a Stop for the permission", err)
				}
			})
		})
	}
}
