package main_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

func TestACommandThatIsNoneIsUsage(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), binary, "frobnicate").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit code 1", err)
	}
	if want := `there is no command "frobnicate"; see tailrace --help`; !strings.Contains(string(out), want) {
		t.Errorf("got %q, want %q in it", out, want)
	}
}
