package mutant

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// Try runs the tests of the package in the working folder with m in place, given the
// flags of go test, and returns the first complaint of a test. That none complains, or
// that they came to no verdict, is the error. root is the module's folder, and folder an
// empty one.
func (m Mutant) Try(root, folder string, flags ...string) (complaint string, err error) {
	description, err := m.Overlay(root, folder)
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", append([]string{"test", "-overlay", description, "-vet=off", "-ldflags=-s -w", "-failfast"}, flags...)...).CombinedOutput()
	switch {
	case err == nil:
		return "", fmt.Errorf("no test fails when %s", m.Name)
	case !bytes.Contains(out, []byte("--- FAIL: Test")):
		return "", fmt.Errorf("the tests did not run to a verdict: %w\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "_test.go:") {
			return strings.TrimSpace(line), nil
		}
	}
	return "a panic", nil
}
