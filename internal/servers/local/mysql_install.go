package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

var (
	//go:embed unpack-mysql.sh
	unpackMySQL string

	//go:embed unpack-mariadb.sh
	unpackMariaDB string
)

// A product's folder in the cache holds its programs in the folder root, but for
// those of Debian, and in the folder data what a server that never ran has.
const (
	programsFolder = "root"
	pristineFolder = "data"
)

// installed returns the product's folder in the cache. It downloads, unpacks and
// initializes what this machine does not have yet.
func installed(ctx context.Context, product Product) (string, error) {
	switch {
	case !slices.Contains(MySQLProducts(), product):
		return "", fmt.Errorf("find %s: only %v are known", product, MySQLProducts())
	case product == MariaDB1011:
		_, err := os.Stat(debianMariaDB)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find %s: the package mariadb-server-core is not installed, `make test` installs it", product)
		}
		if err != nil {
			return "", fmt.Errorf("find %s: %w", product, err)
		}
	}
	dir, err := cached(ctx, string(product), func(ctx context.Context, _, whole string) error {
		if err := os.Mkdir(whole, 0o755); err != nil {
			return fmt.Errorf("make room in the cache: %w", err)
		}
		programs := programs{product, filepath.Join(whole, programsFolder)}
		if err := programs.unpack(ctx); err != nil {
			return err
		}
		if err := programs.check(ctx); err != nil {
			return err
		}
		return programs.initialize(ctx, filepath.Join(whole, pristineFolder))
	})
	if err != nil {
		return "", fmt.Errorf("install %s: %w", product, err)
	}
	return dir, nil
}

// unpack fills the folder of the programs.
func (p programs) unpack(ctx context.Context) error {
	script := map[Product]string{MySQL97: unpackMySQL, MariaDB114: unpackMariaDB}[p.product]
	if script == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", script, "unpack", p.root)
	// A group of its own, or what the script runs would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return signal(-cmd.Process.Pid, syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("unpack: %w: %s", err, out)
	}
	return nil
}

// check runs the server's program and sees that it is of the product's series:
// what Debian offers moves.
func (p programs) check(ctx context.Context) error {
	command := append(p.all().Server(), "--version")
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask for the version: %w: %s", err, out)
	}
	_, series, _ := strings.Cut(string(p.product), "-")
	if !strings.Contains(string(out), "Ver "+series+".") {
		return fmt.Errorf("the programs that were found are not of that series: %s", out)
	}
	return nil
}

// initialize makes the data folder of a server in which root may come from this
// machine without a password.
func (p programs) initialize(ctx context.Context, data string) error {
	user, err := serverUser()
	if err != nil {
		return err
	}
	if err := os.Mkdir(data, 0o750); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if user != nil {
		if err := os.Chown(data, int(user.Uid), int(user.Gid)); err != nil {
			return fmt.Errorf("give the server its data folder: %w", err)
		}
	}
	sql := data + ".sql"
	if err := os.WriteFile(sql, []byte(p.firstSQL()), 0o644); err != nil {
		return fmt.Errorf("write the first SQL: %w", err)
	}
	command := p.initializer(sql)
	command = append(command, "--datadir="+data, "--innodb-flush-method=nosync", "--"+p.all().RedoOption()+"=32M")
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = data
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initialize: %w: %s", err, out)
	}
	// auto.cnf names the server: one that finds none makes one. The others belong
	// to certificates that are replaced.
	for _, path := range []string{sql, data + "/auto.cnf", data + "/ca-key.pem", data + "/client-cert.pem", data + "/client-key.pem"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear the data folder: %w", err)
		}
	}
	return writeCertificate(data)
}

// initializer returns the command that makes a data folder.
func (p programs) initializer(sql string) []string {
	if p.product == MySQL97 {
		return append(p.all().Initializer(), "--init-file="+sql, "--secure-file-priv=NULL")
	}
	return append(p.all().Initializer(), "--extra-file="+sql)
}

// firstSQL returns what lets root in, and nobody else. MariaDB's initializer
// makes root by itself, and users without a name too.
func (p programs) firstSQL() string {
	if p.product == MySQL97 {
		return "CREATE USER root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
	}
	return "DELETE FROM mysql.global_priv WHERE User = '';\n"
}
