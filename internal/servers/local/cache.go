package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cacheDir returns the folder that keeps unpacked binaries from run to run. That
// of root must be one that nobody, as whom the servers run, can read.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/tailrace", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache: %w", err)
	}
	return filepath.Join(dir, "tailrace"), nil
}

// cached returns the folder of the given name in the cache, and has it made
// first if need be. A folder with the final name is whole: fill makes whole, a
// folder that lies in the folder work, under a lock against other programs, and
// then it is renamed.
func cached(ctx context.Context, name string, fill func(ctx context.Context, work, whole string) error) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	final := filepath.Join(cache, name)
	lock, err := os.OpenFile(final+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("open the lock of the cache: %w", err)
	}
	defer lock.Close() // unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock the cache: %w", err)
	}
	_, err = os.Stat(final)
	if err == nil {
		return final, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("look into the cache: %w", err)
	}
	// Runs that were killed may have left something, which resists when a program
	// of theirs is still at it.
	left, err := filepath.Glob(final + ".work-*")
	if err != nil {
		return "", fmt.Errorf("look into the cache: %w", err)
	}
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
	work, err := os.MkdirTemp(cache, name+".work-*")
	if err != nil {
		return "", fmt.Errorf("make room in the cache: %w", err)
	}
	defer os.RemoveAll(work)
	// Whoever the servers run as must get in.
	if err := os.Chmod(work, 0o755); err != nil {
		return "", fmt.Errorf("make room in the cache: %w", err)
	}
	whole := filepath.Join(work, "whole")
	if err := fill(ctx, work, whole); err != nil {
		return "", err
	}
	if err := os.Rename(whole, final); err != nil {
		return "", fmt.Errorf("fill the cache: %w", err)
	}
	return final, nil
}
