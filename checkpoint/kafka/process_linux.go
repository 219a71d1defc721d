package kafka

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// describeProcess says what tells this process from all others of its number.
func describeProcess() (boot, namespace, started string) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", "", ""
	}
	// A number of a namespace is given again only when all its processes have
	// ended.
	if namespace, err = os.Readlink("/proc/self/ns/pid"); err != nil {
		return "", "", ""
	}
	if started = startOf(os.Getpid()); started == "" {
		return "", "", ""
	}
	return strings.TrimSpace(string(text)), namespace, started
}

// processEnded reports whether no process has that number, or another one.
func processEnded(process int, started string) bool {
	// /proc may hide the processes of other users. Signal 0 only asks.
	if errors.Is(syscall.Kill(process, 0), syscall.ESRCH) {
		return true
	}
	now := startOf(process)
	return now != "" && now != started
}

// startOf returns the field starttime of /proc/[pid]/stat, which is the 22nd
// (proc_pid_stat(5)), or "".
func startOf(process int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/stat")
	if err != nil {
		return ""
	}
	// The second field is the name in brackets, which may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const starttime = 22 - 3
	if len(fields) <= starttime {
		return ""
	}
	return fields[starttime]
}
