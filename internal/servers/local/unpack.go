package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// unpacked returns the folder of Postgres 18 in the cache, and fills it first
// if need be. A folder with the final name is whole: it is unpacked beside it,
// under a lock against other programs, and renamed.
func unpacked(ctx context.Context) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache: %w", err)
	}
	final := filepath.Join(cache, "postgres-"+string(embedded.V18))
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
	work := final + ".work" // a run that was killed may have left one
	if err := os.RemoveAll(work); err != nil {
		return "", fmt.Errorf("clear the cache: %w", err)
	}
	defer os.RemoveAll(work)
	whole := filepath.Join(work, "postgres")
	if err := unpack(ctx, work, whole); err != nil {
		return "", err
	}
	if err := os.Rename(whole, final); err != nil {
		return "", fmt.Errorf("fill the cache: %w", err)
	}
	return final, nil
}

// unpack downloads Postgres 18 and puts its bin, lib and share into dir, which
// lies in the folder work.
func unpack(ctx context.Context, work, dir string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	server := embedded.NewDatabase(embedded.DefaultConfig().
		Version(embedded.V18).
		Port(uint32(port)).
		CachePath(filepath.Join(work, "archive")).
		RuntimePath(filepath.Join(work, "runtime")).
		DataPath(filepath.Join(work, "data")).
		BinariesPath(dir).
		Logger(io.Discard))
	// The library can unpack only on the way to a start. As root that start
	// always fails, after the unpacking: Postgres refuses root. So what counts
	// is whether the binaries are there and run.
	started := server.Start()
	if started == nil {
		if err := server.Stop(); err != nil {
			return fmt.Errorf("stop the server of the unpacking: %w", err)
		}
	}
	if err := works(ctx, dir); err != nil {
		return errors.Join(err, started)
	}
	return nil
}
