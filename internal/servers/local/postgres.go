package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/tailrace/tailrace/internal/guard"
)

// Versions returns the Postgres versions that Start knows: the oldest and the
// newest that Tailrace promises to read.
func Versions() []int {
	return []int{15, 18}
}

// A Postgres is a server that belongs to this program. It goes away, with all
// of its data, at Close or when the program ends in whatever way. Its methods
// may be called from any goroutine, one at a time.
type Postgres struct {
	Address

	dir   string // holds the data folder, the socket and the log
	guard *guard.Guard
	user  *syscall.Credential

	mu  sync.Mutex
	run *run // nil while the server is shut down
}

// Start makes a database cluster of the given version in a new folder and
// starts it; it takes one to two seconds, and once per machine as long as the
// download of the binaries. settings overrides postgresql.conf. The context
// bounds only the start.
func Start(ctx context.Context, version int, settings map[string]string) (*Postgres, error) {
	bin, err := binaries(ctx, version)
	if err != nil {
		return nil, err
	}
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailrace-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Postgres: %w", err)
	}
	guarded, err := guard.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	p := &Postgres{
		Address: Address{Version: version, Host: "127.0.0.1", DataDir: filepath.Join(dir, "data"), BinDir: bin},
		dir:     dir,
		guard:   guarded,
		user:    user,
	}
	if err := p.initialize(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.firstStart(ctx, settings); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// initialize runs initdb.
func (p *Postgres) initialize(ctx context.Context) error {
	if p.user != nil {
		if err := os.Chown(p.dir, int(p.user.Uid), int(p.user.Gid)); err != nil {
			return fmt.Errorf("give the server its folder: %w", err)
		}
	}
	args := []string{
		"-D", p.DataDir, "--username=postgres", "--auth=trust", "--encoding=UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions",
	}
	if p.Version >= 17 {
		args = append(args, "--locale-provider=builtin")
	}
	cmd := exec.CommandContext(ctx, p.Bin("initdb"), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = p.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb of Postgres %d: %w: %s", p.Version, err, out)
	}
	if err := os.WriteFile(filepath.Join(p.DataDir, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return fmt.Errorf("write pg_hba.conf: %w", err)
	}
	return nil
}

// firstStart finds a port and starts the server on it. Between the two another
// program can take the port, so it tries again with another.
func (p *Postgres) firstStart(ctx context.Context, settings map[string]string) error {
	path := filepath.Join(p.DataDir, "postgresql.conf")
	base, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read postgresql.conf: %w", err)
	}
	for attempt := 1; ; attempt++ {
		if p.Port, err = freePort(); err != nil {
			return err
		}
		conf := string(base) + configuration(p.dir, p.Port, settings)
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			return fmt.Errorf("write postgresql.conf: %w", err)
		}
		err := p.Start(ctx)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

// attributes makes a child run as the server's user, out of reach of a Ctrl-C
// that is meant for this program.
func (p *Postgres) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: p.user, Setpgid: true}
}

// Close ends the server in whatever state it is and removes its folder. It must
// be called once.
func (p *Postgres) Close() error {
	return p.guard.Release()
}
