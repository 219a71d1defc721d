// The servers command owns the real servers of a whole test run.
//
//	go run ./internal/servers/cmd/servers -- go test ./...
//
// runs the command with TAILRACE_SERVERS set and ends with its exit code.
// Without a command it prints the variable and stays until it is interrupted.
// A server is started when the first test asks for it. However the run ends,
// no process and no folder of a server is left.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
)

// patience is how long an interrupted command may take to end by itself.
const patience = 15 * time.Second

func main() {
	command := os.Args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	code, err := run(command)
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// run owns the servers for as long as the command runs, or until a signal, and
// returns the exit code.
func run(command []string) (code int, err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	owner, err := listen(ctx)
	if err != nil {
		cancel()
		return 1, err
	}
	defer func() {
		cancel() // a start that is under way ends
		err = errors.Join(err, owner.close())
	}()
	if len(command) == 0 {
		fmt.Printf("export %s=%s\n", servers.OwnerVariable, owner.url)
		<-signals
		return 0, nil
	}
	return runCommand(command, owner.url, signals)
}

// runCommand runs the command in a process group of its own, passes signals on
// to the group, and leaves nothing of the group behind.
func runCommand(command []string, url string, signals <-chan os.Signal) (int, error) {
	// The kernel sends Pdeathsig when the thread ends that made the child, not
	// when the process does: this thread has to stay.
	runtime.LockOSThread()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), servers.OwnerVariable+"="+url)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return 127, fmt.Errorf("run the command: %w", err)
	}
	group := -cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var enough <-chan time.Time
	for {
		select {
		case err := <-ended:
			// ESRCH, nothing left to end, is the usual answer.
			_ = syscall.Kill(group, syscall.SIGKILL)
			return exitCode(cmd, err)
		case s := <-signals:
			if err := syscall.Kill(group, s.(syscall.Signal)); err != nil && !errors.Is(err, syscall.ESRCH) {
				return 1, fmt.Errorf("pass %v on to the command: %w", s, err)
			}
			if enough == nil {
				enough = time.After(patience)
			}
		case <-enough:
			if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return 1, fmt.Errorf("kill the command: %w", err)
			}
		}
	}
}

// exitCode returns the code of an ended command as a shell would: 128 + n for
// one that signal n ended.
func exitCode(cmd *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, fmt.Errorf("wait for the command: %w", err)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}
