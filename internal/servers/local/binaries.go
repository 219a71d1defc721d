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
// downloads and unpacks version 18 when this machine does not have it yet.
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
	case 18:
		dir, err := unpacked(ctx)
		if err != nil {
			return "", fmt.Errorf("unpack Postgres 18: %w", err)
		}
		return filepath.Join(dir, "bin"), nil
	default:
		return "", fmt.Errorf("find Postgres %d: only %v are known", version, Versions())
	}
}

// works reports whether a folder holds a whole Postgres.
func works(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "bin", "postgres"), "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("run postgres --version: %w: %s", err, out)
	}
	return nil
}
