package file_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/file"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// childPath tells this test binary that it is a process to be killed: it saves
// to that path in a loop.
const childPath = "TAILRACE_TEST_SAVE_LOOP"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		fmt.Println(saveLoop(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveLoop saves rising positions and prints each that was acknowledged.
func saveLoop(path string) error {
	s := file.New(path, "shop")
	st, err := s.Acquire(context.Background())
	if err != nil {
		return err
	}
	n, err := number(st)
	if err != nil {
		return err
	}
	for {
		n++
		st.Position = event.Position(strconv.Itoa(n))
		if err := s.Save(context.Background(), st); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func number(st checkpoint.State) (int, error) {
	if st.Position == "" {
		return 0, nil
	}
	return strconv.Atoi(string(st.Position))
}

func TestAKilledProcessLeavesTheLastAcknowledgedState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	last, generation := 0, uint64(0)
	for range 50 {
		last = max(last, killedWhileSaving(t, path, 1+rand.IntN(40)))

		st, err := file.New(path, "shop").Load(t.Context())
		if err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		got, err := number(st)
		if err != nil || got < last || got > last+1 {
			t.Fatalf("got position %d, %v after %d was acknowledged", got, err, last)
		}
		if st.Generation != generation+1 {
			t.Fatalf("got generation %d after %d", st.Generation, generation)
		}
		last, generation = got, st.Generation
	}
}

// killedWhileSaving runs a process that saves to path, kills it soon after the
// given number of saves, and returns the last one that it was told of.
func killedWhileSaving(t *testing.T, path string, saves int) int {
	t.Helper()
	child := command(t, path)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	last := 0
	for lines := bufio.NewScanner(out); lines.Scan(); saves-- {
		if saves == 0 {
			must(t, child.Process.Kill())
		}
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("the process said %q", lines.Text())
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("got %v, want that the process was killed", err)
	}
	return last
}

func TestASecondProcessIsFencedUntilTheFirstOneDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	child := command(t, path)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	defer child.Wait()
	defer child.Process.Kill()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the process said nothing")
	}
	s := file.New(path, "shop")
	_, err = s.Acquire(t.Context())
	if !errors.Is(err, checkpoint.ErrFenced) || failure.ExitCode(err) != failure.ExitFenced {
		t.Fatalf("got error %v, want ErrFenced with exit code %d", err, failure.ExitFenced)
	}
	if want := "process " + strconv.Itoa(child.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("got error %q, want %q in it", err, want)
	}
	must(t, child.Process.Kill())
	for lines.Scan() { // until the process is gone
	}
	child.Wait()
	_, err = s.Acquire(t.Context())
	must(t, err)
	must(t, s.Close())
}

func command(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	return child
}
