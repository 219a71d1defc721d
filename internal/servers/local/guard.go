package local

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

//go:embed guard.sh
var guardScript string

// A guard is a process that waits for this program to let go of a pipe, or to
// die, and then ends what runs in a server's folder and removes the folder.
// There is one way to clean up, and it works after SIGKILL too.
type guard struct {
	cmd  *exec.Cmd
	held *os.File // the guard acts when the last copy of this is closed
}

func startGuard(dir string) (*guard, error) {
	wait, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	defer wait.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Env = append(os.Environ(), "SERVER_DIR="+dir)
	cmd.Dir = "/"
	cmd.Stdin = wait
	// A session of its own: a signal to this program's group must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		held.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &guard{cmd: cmd, held: held}, nil
}

// release makes the guard act and waits until it is done.
func (g *guard) release() error {
	if err := g.held.Close(); err != nil {
		return fmt.Errorf("release the guard: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove the server: %w", err)
	}
	return nil
}
