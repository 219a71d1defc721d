// Package child runs the daemon for the programs that try it.
package child

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// Start starts cmd and returns what yields, once, how it ended. The process dies
// with the calling program. It serves no pages: of several, one would have the
// port.
func Start(cmd *exec.Cmd) (chan error, error) {
	cmd.Env = append(cmd.Environ(), "TAILRACE_ADMIN=off")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// Pdeathsig is sent when the thread ends that made the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	return ended, nil
}

// LastWords returns the last three lines of a log.
func LastWords(log []byte) string {
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.TrimSpace(bytes.Join(lines[max(0, len(lines)-3):], []byte("\n"))))
}
