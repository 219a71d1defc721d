package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

//go:embed demo_guard.sh
var guardScript string

// A guard is a process that waits until all who hold its pipe have let go of
// it or died, and then ends what runs in a folder and removes the folder. There
// is one way to clean up, and it works after SIGKILL too.
type guard struct {
	cmd  *exec.Cmd
	held *os.File
}

func startGuard(dir string) (*guard, error) {
	wait, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	defer wait.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Env = append(os.Environ(), "DEMO_DIR="+dir)
	cmd.Dir = "/"
	cmd.Stdin = wait
	// A session of its own: a signal to the demo's group must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = held.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &guard{cmd: cmd, held: held}, nil
}

// release lets go of the pipe and waits until the guard has done its work.
func (g *guard) release() error {
	if err := g.held.Close(); err != nil {
		return fmt.Errorf("release the guard: %w", err)
	}
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("remove the demo's folder: %w", err)
	}
	return nil
}
