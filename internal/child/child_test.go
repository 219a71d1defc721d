package child_test

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/child"
)

func TestHowItEndedIsYieldedOnce(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exit 3")
	ended, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("got %v and exit code %d, want an error and 3", err, cmd.ProcessState.ExitCode())
	}
}

func TestAProcessCanBeKilled(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	ended, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != syscall.SIGKILL {
		t.Errorf("got %v, want SIGKILL", s.Signal())
	}
}

func TestAProgramThatIsMissingIsAnError(t *testing.T) {
	if _, err := child.Start(exec.Command(t.TempDir() + "/none")); err == nil {
		t.Error("got no error")
	}
}

func TestLastWordsAreTheLastThreeLines(t *testing.T) {
	for text, want := range map[string]string{"": "", "a\n": "a", "a\nb\nc\nd\n": "b\nc\nd"} {
		if got := child.LastWords([]byte(text)); got != want {
			t.Errorf("LastWords(%q) = %q, want %q", text, got, want)
		}
	}
}
