package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// mysql measures drains of small and of smallest transactions beside MySQL's own
// program and the usual library, and giant transactions.
func (b *bench) mysql(ctx context.Context, r *report) error {
	s, err := newMySQL(ctx, "512M")
	if err != nil {
		return err
	}
	defer s.close()
	r.version = "MySQL " + s.server.Version + " on the same machine"
	for _, l := range []struct {
		rows, perTxn    int
		least, leastRaw float64
	}{
		{b.rows, 100, 6, 0.5},
		{b.single, 1, 6, 0.5},
	} {
		fmt.Printf("writing %d rows in transactions of %d\n", l.rows, l.perTxn)
		load, err := s.load(fmt.Sprintf("orders%d", l.perTxn), l.rows, l.perTxn)
		if err != nil {
			return err
		}
		c, err := b.race(
			ctx, fmt.Sprintf("Drain of %d rows of 12 columns in transactions of %d", l.rows, l.perTxn), l.rows,
			program{"`tailrace run --publish discard: --memory " + memory + "`", 0, func(ctx context.Context) (usage, error) {
				return b.fromFile(ctx, s, load, "discard:")
			}},
			program{"`mysqlbinlog --raw` to memory", l.leastRaw, func(ctx context.Context) (usage, error) {
				return b.mysqlbinlog(ctx, s, load)
			}},
			program{"go-mysql and encoding/json", l.least, func(ctx context.Context) (usage, error) {
				return b.gomysql(ctx, s, load)
			}},
		)
		if err != nil {
			return err
		}
		r.courses = append(r.courses, c)
	}
	fmt.Printf("writing %d rows in one transaction\n", b.giant)
	giant, err := s.load("giant", b.giant, b.giant)
	if err != nil {
		return err
	}
	fmt.Printf("writing %d MiB in one compressed transaction\n", b.payload)
	payload, err := s.compressed(b.payload)
	if err != nil {
		return err
	}
	for _, m := range []struct {
		title, sink string
		load        fileLoad
	}{
		{fmt.Sprintf("%d rows, to `discard:`", b.giant), "discard:", giant},
		{fmt.Sprintf("%d rows, to `file:`", b.giant), "file://" + filepath.Join(b.dir, "mysql-events"), giant},
		{fmt.Sprintf("%d MiB in a compressed payload, to `discard:`", b.payload), "discard:", payload},
	} {
		u, err := b.fromFile(ctx, s, m.load, m.sink)
		if err != nil {
			return err
		}
		r.peaks = append(r.peaks, peak{m.title, u})
	}
	return nil
}

// fromFile drains a load with tailrace.
func (b *bench) fromFile(ctx context.Context, s *mysqlSource, l fileLoad, sink string) (usage, error) {
	return b.tailrace(ctx, s.source(l), sink, l.places()...)
}

// source is the configuration's part of that name for a load.
func (s *mysqlSource) source(l fileLoad) string {
	return fmt.Sprintf("  url: %q\n  tables: [bench.%s]\n", s.server.URL("bench"), l.table)
}

// places are the flags that say where a load begins and ends.
func (l fileLoad) places() []string {
	return []string{"--from", "file:" + l.files[0] + ":4", "--until", "file:" + l.next + ":4"}
}

// mysqlbinlog copies a load's files into memory with MySQL's own program.
func (b *bench) mysqlbinlog(ctx context.Context, s *mysqlSource, l fileLoad) (usage, error) {
	dir, err := os.MkdirTemp("/dev/shm", "tailrace-bench-")
	if err != nil {
		return usage{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // only the time counts
	command := append(s.server.Bin("mysqlbinlog"), "--no-defaults", "--read-from-remote-server", "--raw",
		"--host="+s.server.Host, fmt.Sprintf("--port=%d", s.server.Port), "--user=root", "--result-file="+dir+"/")
	command = append(command, l.files...)
	return measure(exec.CommandContext(ctx, command[0], command[1:]...))
}

// gomysql drains a load with go-mysql and writes each row with encoding/json.
func (b *bench) gomysql(ctx context.Context, s *mysqlSource, l fileLoad) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	return measure(exec.CommandContext(ctx, self, "-peer", "gomysql", s.server.Host, fmt.Sprint(s.server.Port), l.files[0], l.next))
}

// mysqlSource is a server of our own with rows to drain.
type mysqlSource struct {
	server *local.MySQL
	conn   *client.Conn
}

// A fileLoad is a part of the log that has files of its own.
type fileLoad struct {
	table string
	files []string
	next  string // the file behind it
}

// newMySQL starts a server with a buffer pool of that size.
func newMySQL(ctx context.Context, buffers string) (*mysqlSource, error) {
	server, err := servers.StartMySQL(ctx, local.MySQL97, map[string]string{
		"innodb-buffer-pool-size": buffers, "innodb-redo-log-capacity": "1G", "max-binlog-size": "1G", "max-allowed-packet": "1G",
		"replica-max-allowed-packet": "1G",
	})
	if err != nil {
		return nil, err
	}
	s := &mysqlSource{server: server}
	if s.conn, err = server.Connect(ctx, ""); err == nil {
		err = s.exec("CREATE DATABASE bench", "USE bench", "SET SESSION cte_max_recursion_depth = 4294967295")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *mysqlSource) close() {
	if s.conn != nil {
		_ = s.conn.Close() // the server goes next
	}
	_ = s.server.Close()
}

func (s *mysqlSource) exec(statements ...string) error {
	for _, sql := range statements {
		if _, err := s.conn.Execute(sql); err != nil {
			return fmt.Errorf("%.60s: %w", sql, err)
		}
	}
	return nil
}

// load writes rows of 12 columns in transactions of the given size.
func (s *mysqlSource) load(table string, rows, perTxn int) (fileLoad, error) {
	return s.between(table, func() error {
		err := s.exec(
			`CREATE TABLE `+table+` (
				id bigint unsigned PRIMARY KEY, customer int unsigned NOT NULL, status enum('new','paid','shipped','lost') NOT NULL,
				total decimal(12,2) NOT NULL, note text, created timestamp(6) NOT NULL, shipped datetime, paid tinyint(1) NOT NULL,
				weight double, ref char(36) NOT NULL, attrs json NOT NULL, qty smallint NOT NULL)`,
			`CREATE PROCEDURE fill_`+table+`(IN txns int, IN per int)
			BEGIN
				DECLARE i int DEFAULT 0;
				WHILE i < txns DO
					INSERT INTO `+table+`
					WITH RECURSIVE g (id) AS (SELECT i * per + 1 UNION ALL SELECT id + 1 FROM g WHERE id < (i + 1) * per)
					SELECT id, id % 5000, 1 + id % 4, (id % 100000) / 100, IF(id % 3 = 0, NULL, CONCAT('some note about order ', id)),
						TIMESTAMP '2026-11-21 10:00:00' + INTERVAL id * 1000 MICROSECOND, TIMESTAMP '2026-11-21 10:00:00' + INTERVAL id SECOND,
						id % 2, id / 7.0e0, INSERT(INSERT(INSERT(INSERT(LEFT(SHA2(id, 256), 32), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'),
						JSON_OBJECT('k', id, 'tags', JSON_ARRAY('a', 'b'), 'name', CONCAT('customer ', id)), id % 100
					FROM g;
					SET i = i + 1;
				END WHILE;
			END`,
		)
		if err != nil {
			return err
		}
		return s.exec(fmt.Sprintf("CALL fill_%s(%d, %d)", table, rows/perTxn, perTxn))
	})
}

// compressed writes one compressed transaction of rows of 1 MiB, of which three
// quarters can't be made smaller.
func (s *mysqlSource) compressed(mib int) (fileLoad, error) {
	return s.between("blobs", func() error {
		err := s.exec("CREATE TABLE blobs (id int PRIMARY KEY, content longblob)", "SET SESSION binlog_transaction_compression = ON", "BEGIN")
		if err != nil {
			return err
		}
		random, blob := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
		for i := range mib {
			if _, err := random.Read(blob[:3<<18]); err != nil {
				return err
			}
			if _, err := s.conn.Execute("INSERT INTO blobs VALUES (?, ?)", i, blob); err != nil {
				return err
			}
		}
		return s.exec("COMMIT", "SET SESSION binlog_transaction_compression = OFF")
	})
}

// between gives what f writes binlog files of its own.
func (s *mysqlSource) between(table string, f func() error) (fileLoad, error) {
	l := fileLoad{table: table}
	if err := s.exec("FLUSH BINARY LOGS"); err != nil {
		return l, err
	}
	before, err := s.files()
	if err != nil {
		return l, err
	}
	if err := f(); err != nil {
		return l, err
	}
	if err := s.exec("FLUSH BINARY LOGS"); err != nil {
		return l, err
	}
	after, err := s.files()
	if err != nil {
		return l, err
	}
	l.files, l.next = after[len(before)-1:len(after)-1], after[len(after)-1]
	return l, nil
}

func (s *mysqlSource) files() ([]string, error) {
	result, err := s.conn.Execute("SHOW BINARY LOGS")
	if err != nil {
		return nil, err
	}
	defer result.Close()
	var names []string
	for i := range result.RowNumber() {
		name, err := result.GetString(i, 0)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
