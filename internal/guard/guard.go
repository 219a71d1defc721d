// Package guard cleans up after a program, however it ends.
package guard

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

//go:embed guard.sh
var script string

// A Guard is a process that waits until all who hold its pipe have let go of
// it or died, and then ends what runs in a folder and removes the folder. There
// is one way to clean up, and it works after SIGKILL too.
type Guard struct {
	// Held is the pipe. A child that is given it as well is waited for too.
	Held *os.File
	cmd  *exec.Cmd
}

// Start guards the folder at dir. A process runs in it if its command line names
// the folder.
func Start(dir string) (*Guard, error) {
	wait, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	defer func() { _ = wait.Close() }() // the guard has its own
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), "GUARDED_DIR="+dir)
	cmd.Dir = "/"
	cmd.Stdin = wait
	// A session of its own: a signal to this program's group must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &Guard{Held: held, cmd: cmd}, nil
}

// Release lets go of the pipe and waits until the guard has done its work.
func (g *Guard) Release() error {
	if err := g.Held.Close(); err != nil {
		return fmt.Errorf("release the guard: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove the guarded folder: %w", err)
	}
	return nil
}
