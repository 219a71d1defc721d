package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/tailrace/tailrace/internal/guard"
)

// A MySQL is a MySQL or MariaDB server that belongs to this program. It goes
// away, with all of its data, at Close or when the program ends in whatever way.
// Its methods may be called from any goroutine, one at a time.
type MySQL struct {
	MySQLAddress

	dir      string // holds the data folder, the socket and the log
	guard    *guard.Guard
	user     *syscall.Credential
	serverID int
	command  []string

	mu  sync.Mutex
	run *run // nil while the server is shut down
}

// StartMySQL starts a server of the given product on data of its own: no
// databases, no users but root, no binlogs, a server id and a server_uuid that
// no other has. It takes one to two seconds, and once per machine as long as the
// download of the product. settings are options of the server that override
// those of the options function; "" leaves an option out. The context bounds
// only the start.
func StartMySQL(ctx context.Context, product Product, settings map[string]string) (*MySQL, error) {
	cache, err := installed(ctx, product)
	if err != nil {
		return nil, err
	}
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailrace-mysql-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", product, err)
	}
	guarded, err := guard.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	m := &MySQL{
		MySQLAddress: MySQLAddress{
			Product:  product,
			Host:     "127.0.0.1",
			DataDir:  filepath.Join(dir, "data"),
			Programs: filepath.Join(cache, programsFolder),
		},
		dir:      dir,
		guard:    guarded,
		user:     user,
		serverID: 1_000_000 + rand.IntN(1_000_000_000),
	}
	if err := m.copyData(ctx, filepath.Join(cache, pristineFolder)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	if err := m.firstStart(ctx, settings); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// copyData makes the data folder.
func (m *MySQL) copyData(ctx context.Context, pristine string) error {
	if m.user != nil {
		if err := os.Chown(m.dir, int(m.user.Uid), int(m.user.Gid)); err != nil {
			return fmt.Errorf("give the server its folder: %w", err)
		}
	}
	// By cp, as the server's user, to whom the copies then belong.
	cmd := exec.CommandContext(ctx, "cp", "-R", pristine, m.DataDir)
	cmd.Dir = m.dir
	cmd.SysProcAttr = m.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder of %s: %w: %s", m.Product, err, out)
	}
	return nil
}

// firstStart finds a port and starts the server on it. Between the two another
// program can take the port, so it tries again with another.
func (m *MySQL) firstStart(ctx context.Context, settings map[string]string) error {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return err
		}
		m.Port = port
		m.command = append(programs{m.Product, m.Programs}.all().Server(), m.options(settings)...)
		err = m.Start(ctx)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

// attributes makes a child run as the server's user, out of reach of a Ctrl-C
// that is meant for this program.
func (m *MySQL) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: m.user, Setpgid: true}
}

// Close ends the server in whatever state it is and removes its folder. It must
// be called once.
func (m *MySQL) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run != nil {
		// The guard would ask for an orderly shutdown, which nobody needs.
		if err := signal(m.run.cmd.Process.Pid, syscall.SIGKILL); err != nil {
			return errors.Join(err, m.guard.Release())
		}
		<-m.run.gone
		m.run = nil
	}
	return m.guard.Release()
}
