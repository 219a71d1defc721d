package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/mysqld"
	"github.com/tailrace/tailrace/internal/replay"
	"github.com/tailrace/tailrace/internal/shop"
)

// A demoServer is a MySQL or MariaDB of a demo.
type demoServer struct {
	programs mysqld.Programs
	title    string // MySQL 9.7.0
	data     string // its data folder
	log      string // what it says
	password string // of its users: the port is open to everybody on this machine
	port     uint32
}

// openMySQL finds a MySQL or MariaDB on this machine, starts it on data of its
// own and connects to it.
func openMySQL(ctx context.Context, mariaDB bool, own, cache string, screen *console.Screen) (*demoDatabase, error) {
	s, err := findServer(ctx, mariaDB, cache)
	if err != nil {
		return nil, err
	}
	s.data, s.log, s.password = filepath.Join(own, "data"), filepath.Join(own, "log"), rand.Text()
	screen.Status("starting " + s.title)
	if err := s.initialize(ctx); err != nil {
		return nil, err
	}
	conn, err := s.start(ctx)
	if err != nil {
		return nil, err
	}
	return &demoDatabase{
		url:  s.url(mariaDB),
		shop: shop.MySQL(conn),
		compare: func(_ context.Context, events *replay.Tables, names []string) ([]replay.Result, error) {
			return events.CompareMySQL(conn, names)
		},
		close: func() { _ = conn.Close() },
	}, nil
}

// findServer looks for a server that is installed, or that the project's tests
// have unpacked.
func findServer(ctx context.Context, mariaDB bool, cache string) (*demoServer, error) {
	name, install := "MySQL", "install the package mysql-server-core (Debian sid, Ubuntu) or MySQL's own; it need not be started"
	if mariaDB {
		name, install = "MariaDB", "install the package mariadb-server-core or MariaDB's own; it need not be started"
	}
	programs, version, err := mysqld.Find(ctx, mariaDB, filepath.Dir(cache), "/var/cache/tailrace")
	switch {
	case ctx.Err() != nil:
		return nil, errBeforeBegin
	case errors.Is(err, mysqld.ErrNone):
		return nil, failure.Stop(install+"; tailrace demo without --source brings its own PostgreSQL",
			"there is no %s server on this machine: neither in PATH nor in the usual places", name)
	case err != nil:
		return nil, err
	}
	return &demoServer{programs: programs, title: name + " " + version}, nil
}

// brokenServer is what a person can do about a server that is there and does not
// work.
const brokenServer = "install the server's packages again, all of them; tailrace demo without --source brings its own PostgreSQL"

// initialize makes the data folder.
func (s *demoServer) initialize(ctx context.Context) error {
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	command := append(s.programs.Initializer(), "--datadir="+s.data, "--"+s.programs.RedoOption()+"=32M")
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = s.data
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return errBeforeBegin
	}
	if err != nil {
		if line := lastLine(out); line != "" {
			err = fmt.Errorf("%w: %s", err, line)
		}
		return failure.StopFrom(err, brokenServer, "%s could not make its data folder", s.title)
	}
	return nil
}

// start runs the server and returns a connection of the shop's.
func (s *demoServer) start(ctx context.Context) (*client.Conn, error) {
	first := filepath.Join(filepath.Dir(s.data), "first.sql")
	if err := os.WriteFile(first, []byte(strings.Join(s.firstSQL(), ";\n")+";\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the first SQL: %w", err)
	}
	for attempt := 1; ; attempt++ {
		var err error
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		conn, err := s.run(ctx, first)
		switch {
		case err == nil:
			return conn, os.Remove(first) // it holds the password
		case ctx.Err() != nil:
			return nil, errBeforeBegin
		case attempt == 5 || !strings.Contains(err.Error(), "Address already in use"): // else somebody was faster
			return nil, failure.StopFrom(err, brokenServer, "%s could not be started", s.title)
		}
	}
}

// firstSQL makes the shop and who may use it. Nobody else gets in but over the
// socket, which lies in a folder of our own.
func (s *demoServer) firstSQL() []string {
	statements := []string{
		"CREATE DATABASE shop CHARACTER SET utf8mb4",
		"CREATE USER shop@'127.0.0.1' IDENTIFIED BY '" + s.password + "'",
		"GRANT ALL ON shop.* TO shop@'127.0.0.1'",
		"CREATE USER tailrace@'127.0.0.1' IDENTIFIED BY '" + s.password + "'",
		"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO tailrace@'127.0.0.1'",
		"GRANT SELECT ON shop.* TO tailrace@'127.0.0.1'",
	}
	if s.programs.MariaDB {
		// Its initializer lets root in from everywhere on this machine, and
		// people without a name.
		return append([]string{"DELETE FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost'", "FLUSH PRIVILEGES"}, statements...)
	}
	return statements
}

// run runs the server until it takes the shop's connection. It goes on by
// itself: the guard ends it.
func (s *demoServer) run(ctx context.Context, first string) (*client.Conn, error) {
	log, err := os.Create(s.log)
	if err != nil {
		return nil, fmt.Errorf("make the server's log: %w", err)
	}
	defer log.Close()
	command := append(s.programs.Server(), s.options(first)...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = s.data
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // why it ended is in the log
		close(gone)
	}()
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := s.connect(ctx)
		if err == nil {
			return conn, nil
		}
		select {
		case <-again.C:
			continue
		case <-gone:
			return nil, errors.New("it ended: " + s.says())
		case <-ctx.Done():
		}
		_ = cmd.Process.Kill() // or it has ended
		<-gone
		return nil, fmt.Errorf("it took no connection within %s: %w: %s", patience, err, s.says())
	}
}

func (s *demoServer) options(first string) []string {
	options := []string{
		"--datadir=" + s.data, "--socket=socket", "--pid-file=pid", "--tmpdir=" + s.data,
		"--bind-address=127.0.0.1", "--port=" + s.portText(), "--skip-name-resolve", "--init-file=" + first,
		"--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-metadata=FULL",
		"--character-set-server=utf8mb4", "--default-time-zone=+00:00",
		// The data is thrown away.
		"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
		"--innodb-buffer-pool-size=32M", "--" + s.programs.RedoOption() + "=32M",
	}
	if !s.programs.MariaDB {
		options = append(options, "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF", "--secure-file-priv=NULL")
	}
	return options
}

func (s *demoServer) connect(ctx context.Context) (*client.Conn, error) {
	return client.ConnectWithContext(ctx, net.JoinHostPort("127.0.0.1", s.portText()), "shop", s.password, "shop", 10*time.Second)
}

func (s *demoServer) url(mariaDB bool) string {
	u := url.URL{Scheme: config.SourceMySQL, User: url.UserPassword("tailrace", s.password), Host: net.JoinHostPort("127.0.0.1", s.portText()), Path: "/shop"}
	if mariaDB {
		u.Scheme = config.SourceMariaDB
	}
	return u.String()
}

func (s *demoServer) portText() string { return strconv.FormatUint(uint64(s.port), 10) }

// says returns the end of the server's log, without the lines of the demo's own.
func (s *demoServer) says() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "[ERROR]") {
			return strings.TrimSpace(line)
		}
	}
	return lastLine(text)
}

// lastLine returns the last line of what a program says that holds something.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
