package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// releases are those that are unpacked, by version. The library's own 13 is not to
// be had any more.
var releases = map[int]embedded.PostgresVersion{13: "13.23.0", 18: embedded.V18}

// unpacked returns the folder of a release of Postgres in the cache.
func unpacked(ctx context.Context, release embedded.PostgresVersion) (string, error) {
	return cached(ctx, "postgres-"+string(release), func(ctx context.Context, work, dir string) error {
		return unpack(ctx, release, work, dir)
	})
}

// unpack downloads a release and puts its bin, lib and share into dir, which lies in
// the folder work.
func unpack(ctx context.Context, release embedded.PostgresVersion, work, dir string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	server := embedded.NewDatabase(embedded.DefaultConfig().
		Version(release).
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
