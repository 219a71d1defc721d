package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// debianBin is where the Debian package postgresql-15 puts its programs.
const debianBin = "/usr/lib/postgresql/15/bin"

// binaries returns the folder with the programs of a Postgres version. It
// downloads and unpacks all but 15 when this machine does not have them yet.
func binaries(ctx context.Context, version int) (string, error) {
	switch version {
	case 15:
		_, err := os.Stat(filepath.Join(debianBin, "postgres"))
		if errors.Is(err, fs.ErrNotExist) {
			return "", errors.New("find Postgres 15: the package postgresql-15 is not installed, `make test` installs it")
		}
		if err != nil {
			return "", fmt.Errorf("find Postgres 15: %w", err)
		}
		return debianBin, nil
	}
	release, ok := releases[version]
	if !ok {
		return "", fmt.Errorf("find Postgres %d: only %v are known", version, Versions())
	}
	dir, err := unpacked(ctx, release)
	if err != nil {
		return "", fmt.Errorf("unpack Postgres %d: %w", version, err)
	}
	return filepath.Join(dir, "bin"), nil
}

// works reports whether a folder holds a whole Postgres.
func works(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "bin", "postgres"), "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("run postgres --version: %w: %s", err, out)
	}
	return nil
}
