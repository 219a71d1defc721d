package servers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestAMySQLOfATestLivesThroughStopKillAndFreeze(t *testing.T) {
	eachProduct(t, func(t *testing.T, product local.Product) {
		t.Parallel()
		s := servers.NewMySQL(t, product, nil)
		d := s.Database(t)
		d.Exec(t, "CREATE TABLE kept (id INT)", "INSERT INTO kept VALUES (1)")

		s.Restart(t)
		d.Exec(t, "INSERT INTO kept VALUES (2)")
		s.Kill(t)
		if _, err := client.Connect(s.HostPort(), "root", "", ""); err == nil {
			t.Error("connect to a killed server: got no error")
		}
		s.Start(t)
		if got, want := d.One(t, "SELECT COUNT(*) FROM kept"), "2"; got != want {
			t.Errorf("rows after a crash: got %s, want %s", got, want)
		}

		conn := d.Conn(t)
		pid, err := os.ReadFile(d.One(t, "SELECT @@pid_file"))
		if err != nil {
			t.Fatal(err)
		}
		s.Freeze(t)
		if got := threadsThatGoOn(t, strings.TrimSpace(string(pid))); len(got) > 0 {
			t.Errorf("threads of a frozen server: %q go on, want none", got)
		}
		conn.ResetSequence()
		if err := conn.WritePacket([]byte{0, 0, 0, 0, mysql.COM_PING}); err != nil {
			t.Fatalf("ask a frozen server: %v", err)
		}
		s.Thaw(t)
		if answer, err := conn.ReadPacket(); err != nil || answer[0] != mysql.OK_HEADER {
			t.Errorf("the answer of a thawed server: got %x, %v, want OK", answer, err)
		}
	})
}

func TestTwoServersAreTwo(t *testing.T) {
	eachProduct(t, func(t *testing.T, product local.Product) {
		t.Parallel()
		a, b := servers.NewMySQL(t, product, nil).Database(t), servers.NewMySQL(t, product, nil).Database(t)
		identity := "SELECT @@server_uid"
		if product == local.MySQL97 {
			identity = "SELECT @@server_uuid"
		}
		for _, sql := range []string{"SELECT @@server_id", identity} {
			if a, b := a.One(t, sql), b.One(t, sql); a == b {
				t.Errorf("%s: got %s from both, want two values", sql, a)
			}
		}
		// The log begins with the server: what initialized its data is not in it.
		if got := a.Rows(t, "SHOW BINARY LOGS"); len(got) != 1 || got[0][0] != "binlog.000001" {
			t.Errorf("binlogs: got %v, want binlog.000001", got)
		}
	})
}

func TestSettingsOverrideOurs(t *testing.T) {
	eachProduct(t, func(t *testing.T, product local.Product) {
		t.Parallel()
		d := servers.NewMySQL(t, product, map[string]string{
			"binlog_row_image":    "MINIMAL",
			"binlog-row-metadata": "",
			"max_binlog_size":     "8192",
		}).Database(t)
		query := "SELECT @@binlog_row_image, @@max_binlog_size, @@binlog_row_metadata <> 'FULL'"
		if got, want := d.Rows(t, query)[0], [3]string{"MINIMAL", "8192", "1"}; [3]string(got) != want {
			t.Errorf("settings: got %v, want %v", got, want)
		}
	})
}

func TestAServerCanBeWithoutABinlog(t *testing.T) {
	eachProduct(t, func(t *testing.T, product local.Product) {
		t.Parallel()
		d := servers.NewMySQL(t, product, map[string]string{"log-bin": "", "skip-log-bin": "ON"}).Database(t)
		if got, want := d.One(t, "SELECT @@log_bin"), "0"; got != want {
			t.Errorf("log_bin: got %s, want %s", got, want)
		}
	})
}

func TestNothingIsLeftOfAClosedMySQL(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*testing.T, *servers.MySQLServer)
	}{
		{"that runs", func(*testing.T, *servers.MySQLServer) {}},
		{"that was frozen", func(t *testing.T, s *servers.MySQLServer) { s.Freeze(t) }},
		{"that was killed", func(t *testing.T, s *servers.MySQLServer) { s.Kill(t) }},
		{"that was stopped", func(t *testing.T, s *servers.MySQLServer) { s.Stop(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var folder string
			t.Run("the test that has it", func(t *testing.T) {
				s := servers.NewMySQL(t, local.MariaDB1011, nil)
				folder = filepath.Dir(s.DataDir)
				s.Database(t).Conn(t)
				c.before(t, s)
			})
			if folder == "" {
				t.Fatal("there was no server to close")
			}
			if _, err := os.Stat(folder); !os.IsNotExist(err) {
				t.Errorf("look for the folder: got %v, want that it does not exist", err)
			}
			if got := processesOf(t, folder); len(got) != 0 {
				t.Errorf("processes left: got %v, want none", got)
			}
		})
	}
}
