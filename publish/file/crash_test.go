package file_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/file"
)

// childDir tells this test binary that it is a process to be killed: it
// publishes to that folder in a loop.
const childDir = "TAILRACE_TEST_PUBLISH_LOOP"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println(publishLoop(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// publishLoop publishes rising numbers and prints each that is done.
func publishLoop(dir string) error {
	p, err := file.Open(dir)
	if err != nil {
		return err
	}
	topic := &publish.Topic{Name: "numbers"}
	for n := 1; ; n++ {
		b := new(publish.Batch)
		b.Add(topic, 0, nil, strconv.AppendInt(nil, int64(n), 10))
		if err := p.Publish(context.Background(), b, func(err error) { fmt.Println(n, err) }); err != nil {
			return err
		}
	}
}

func TestAKilledProcessLeavesAllThatIsDoneInWholeLines(t *testing.T) {
	dir := t.TempDir()
	before := 0
	for range 20 {
		done := killedWhilePublishing(t, dir, 1+rand.IntN(500))
		p := open(t, dir)
		must(t, p.Close())
		all := readAll(t, dir)["numbers"]
		lines := all[before:]
		if len(lines) < done {
			t.Fatalf("got %d lines, %d were done", len(lines), done)
		}
		for i, line := range lines {
			if line != strconv.Itoa(i+1) {
				t.Fatalf("line %d is %q", i+1, line)
			}
		}
		before = len(all)
	}
}

// killedWhilePublishing runs a process that publishes to dir, kills it soon
// after the given number of batches, and returns the last that was done.
func killedWhilePublishing(t *testing.T, dir string, batches int) int {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	last := 0
	for lines := bufio.NewScanner(out); lines.Scan(); batches-- {
		var result string
		if _, err := fmt.Sscan(lines.Text(), &last, &result); err != nil || result != "<nil>" {
			t.Fatalf("the process said %q", lines.Text())
		}
		if batches == 0 {
			must(t, child.Process.Kill())
		}
	}
	_ = child.Wait() // it was killed
	return last
}
