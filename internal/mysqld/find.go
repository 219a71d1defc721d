package mysqld

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The folders of the cache in which the programs that were unpacked for tests
// are, by what they are called there.
const (
	cachedMySQL   = "mysql-*/root"
	cachedMariaDB = "mariadb-*/root"
)

// folders are where servers are installed that are in nobody's path.
var folders = []string{
	"/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec", "/usr/bin", "/usr/local/bin", "/usr/local/mysql/bin",
	"/opt/homebrew/opt/mysql/bin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mysql/bin", "/usr/local/opt/mariadb/bin",
}

// ErrNone says that this machine has no such server.
var ErrNone = errors.New("there is no such server on this machine")

// Find returns a MySQL or a MariaDB of this machine and its version: an
// installed one, or else one that lies unpacked in the given caches. The error
// is ErrNone if there is none that runs.
func Find(ctx context.Context, mariaDB bool, caches ...string) (Programs, string, error) {
	for _, p := range candidates(mariaDB, caches) {
		// MariaDB's server is called mysqld too.
		if version, isMariaDB, err := p.version(ctx); err == nil && isMariaDB == mariaDB {
			return p, version, nil
		}
		if ctx.Err() != nil {
			return Programs{}, "", ctx.Err()
		}
	}
	return Programs{}, "", ErrNone
}

func candidates(mariaDB bool, caches []string) []Programs {
	var found []Programs
	for _, folder := range slices.Concat(filepath.SplitList(os.Getenv("PATH")), folders) {
		for _, name := range []string{"mariadbd", "mysqld"} {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && filepath.IsAbs(path) {
				found = append(found, Installed(path, mariaDB))
			}
		}
	}
	for _, cache := range caches {
		pattern, unpacked := cachedMySQL, UnpackedMySQL
		if mariaDB {
			pattern, unpacked = cachedMariaDB, UnpackedMariaDB
		}
		roots, err := filepath.Glob(filepath.Join(cache, pattern))
		if err != nil {
			continue // a cache whose name is a pattern that is none
		}
		slices.Reverse(roots) // the newest first
		for _, root := range roots {
			found = append(found, unpacked(root))
		}
	}
	return found
}

var versionWords = regexp.MustCompile(`Ver (\d+\.\d+\.\d+)`)

// version runs the server to ask what it is.
func (p Programs) version(ctx context.Context) (version string, mariaDB bool, err error) {
	command := append(p.Server(), "--version")
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	if err != nil {
		return "", false, err
	}
	words := versionWords.FindSubmatch(out)
	if words == nil {
		return "", false, errors.New("it does not say its version")
	}
	return string(words[1]), strings.Contains(string(out), "MariaDB"), nil
}
