package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// feed runs a program with text as its input and returns what it says.
func feed(t *testing.T, text string, command ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// onTerminal runs tailrace on a terminal, types text, and returns what the
// terminal shows.
func (s *site) onTerminal(t *testing.T, text string, code int, args ...string) string {
	t.Helper()
	ours, theirs := terminal(t)
	p := new(process)
	cmd := s.command(t.Context(), args...)
	cmd.Stdin = theirs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if args[0] == "run" { // what people read of it goes to stderr
		cmd.Stderr = theirs
	}
	p.begin(t, cmd, theirs)
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	var shown buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = ours.WriteTo(&shown) // ends with an error when nobody has the other end any more
	}()
	if _, err := ours.WriteString(text); err != nil {
		t.Fatal(err)
	}
	p.exits(t, code)
	<-read
	if strings.Contains(shown.String(), password) {
		t.Error("the terminal shows the password")
	}
	return shown.String()
}

// terminal returns both ends of a new pseudo-terminal.
func terminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}
