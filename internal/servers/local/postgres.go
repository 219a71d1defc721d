package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Versions returns the Postgres versions that Start knows: the oldest and the
// newest that Tailrace promises to read, and Debian's.
func Versions() []int {
	return []int{13, 15, 18}
}

// A Postgres is a server that belongs to this program. It goes away, with all
// of its data, at Close or when the program ends in whatever way. Its methods
// may be called from any goroutine, one at a time. Stop waits until replication
// clients have confirmed everything, so it ends with the context's error when one
// of them does not read.
type Postgres struct {
	Address
	*instance
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
	i, err := newInstance(fmt.Sprintf("Postgres %d", version), "postgres")
	if err != nil {
		return nil, err
	}
	p := &Postgres{Address{Version: version, Host: "127.0.0.1", DataDir: filepath.Join(i.dir, "data"), BinDir: bin}, i}
	i.command = []string{p.Bin("postgres"), "-D", p.DataDir}
	i.greet = p.takesConnections
	i.asks, i.quits = syscall.SIGINT, syscall.SIGQUIT // pg_ctl stop: fast, and immediate
	if err := p.initialize(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.configure(ctx, settings); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// initialize runs initdb.
func (p *Postgres) initialize(ctx context.Context) error {
	args := []string{
		"-D", p.DataDir, "--username=postgres", "--auth=trust", "--encoding=UTF8",
		"--locale=C.UTF-8", "--no-sync",
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

// configure writes the settings and starts the server.
func (p *Postgres) configure(ctx context.Context, settings map[string]string) error {
	path := filepath.Join(p.DataDir, "postgresql.conf")
	base, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read postgresql.conf: %w", err)
	}
	return p.firstStart(ctx, func() error {
		if p.Port, err = freePort(); err != nil {
			return err
		}
		conf := string(base) + configuration(p.dir, p.Port, settings)
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			return fmt.Errorf("write postgresql.conf: %w", err)
		}
		return nil
	})
}
