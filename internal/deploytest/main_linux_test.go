package deploytest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the path of the program, built as it is for the image but for the
// profile, which makes it faster and nothing else.
var binary string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == enter {
		fmt.Fprintln(os.Stderr, "enter the image:", enterImage(os.Args[2:]))
		os.Exit(125)
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tailrace-deploytest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tailrace")
	build := exec.Command("go", "build", "-o", binary, root+"/cmd/tailrace")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tailrace: %v: %s", err, out)
		return 1
	}
	return m.Run()
}
