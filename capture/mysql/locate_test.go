package mysql_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// locate asks a new source where to read from.
func locate(t *testing.T, d source, st checkpoint.State, from string) (checkpoint.State, error) {
	t.Helper()
	src := d.Source(t)
	defer src.Close()
	return src.Locate(within(t), st, from)
}

// wantLost fails the test unless err is a Stop that is ErrLost and says every
// one of parts.
func wantLost(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, capture.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	wantStop(t, err, parts...)
}

// read returns a state that a pipeline has saved after it read n rows of orders.
func read(t *testing.T, d source, n int) checkpoint.State {
	t.Helper()
	r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
	for range n {
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
	}
	if got := len(r.ToEnd()); got != n {
		t.Fatalf("read %d events, want %d", got, n)
	}
	r.Close()
	return r.State
}

const orders = "CREATE TABLE orders (id int PRIMARY KEY AUTO_INCREMENT)"

// reset makes the server begin its log anew.
func reset(t *testing.T, d source) {
	t.Helper()
	statement := "RESET BINARY LOGS AND GTIDS"
	if d.Product.MariaDB() {
		statement = "RESET MASTER"
	}
	d.Exec(t, statement)
}

func TestAPlaceThatIsGoneIsLost(t *testing.T) {
	for _, kind := range kinds {
		server := pool.Server(t, kind.product, kind.settings)
		for _, c := range []struct {
			name   string
			happen func(t *testing.T, d source)
			want   string
		}{
			{"a purged binlog", func(t *testing.T, d source) {
				d.Exec(t, "INSERT INTO orders VALUES (NULL)")
				d.Split(t)
				file, _ := logEnd(t, d.MySQLDatabase)
				d.Forget(t, event.Position("file:"+file+":4"))
			}, "has purged"},
			{"a log that was begun anew", reset, "begun anew"},
			{"a log that was begun anew and is longer by now", func(t *testing.T, d source) {
				reset(t, d)
				for range 200 {
					d.Exec(t, "INSERT INTO orders VALUES (NULL), (NULL), (NULL)")
				}
			}, "begun anew"},
		} {
			t.Run(kind.name+": "+c.name, func(t *testing.T) {
				d := newSource(t, server.Database(t), nil)
				reset(t, d) // so that the log is short
				d.Exec(t, orders)
				st := read(t, d, 3)
				c.happen(t, d)
				_, err := locate(t, d, st, "")
				wantLost(t, err, c.want, "position set now")
			})
		}
	}
}

func TestAnotherLogOfTheSameNamesIsLost(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
			d.Exec(t, orders)
			st := read(t, d, 3)
			if _, err := locate(t, d, st, ""); err != nil {
				t.Fatalf("locate the place itself: %v", err)
			}
			mark := func(text string) checkpoint.State {
				before, _, _ := strings.Cut(string(st.Position), "~")
				other := st
				other.Position = event.Position(before + "~" + text)
				return other
			}
			p, err := mysql.ParsePosition(st.Position)
			if err != nil || p.Start == 0 {
				t.Fatalf("the place is %s, %v; want one with a mark", st.Position, err)
			}
			fields := strings.Split(string(st.Position[strings.Index(string(st.Position), "~")+1:]), ".")
			for name, text := range map[string]string{
				"another file":  "1." + fields[1] + "." + fields[2],
				"another event": fields[0] + "." + fields[1] + ".1",
				"no event":      fields[0] + ".7." + fields[2],
			} {
				t.Run(name, func(t *testing.T) {
					_, err := locate(t, d, mark(text), "")
					wantLost(t, err, "is not the one that was read")
				})
			}
		})
	}
}

func TestPlacesOfAPerson(t *testing.T) {
	for _, kind := range kinds {
		d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
		d.Exec(t, orders)
		d.Exec(t, "INSERT INTO orders VALUES (NULL)")
		file, offset := logEnd(t, d.MySQLDatabase)
		src := d.Source(t)
		oldest, newest, err := src.Range(within(t))
		if err != nil || src.Close() != nil {
			t.Fatalf("ask for the range: %v", err)
		}
		gtids, _, _ := strings.Cut(string(newest), "@")
		other := "gtid:" + uuid + ":1-5"
		if kind.product.MariaDB() {
			other = "gtid:0-4294967295-5"
		}
		for _, c := range []struct {
			name, from string
			want       string // that the error has in it, "" for none
			begins     string // that the position begins with
		}{
			{"the start of the first file", "file:" + file + ":4", "", "file:" + file + ":4~"},
			{"the end of the log", "file:" + file + ":" + offset, "", "file:" + file + ":" + offset + "~"},
			{"behind the end of the log", "file:" + file + ":99999999", "is behind the end of the file", ""},
			{"a file that is gone", "file:binlog.000000:4", "has purged binlog.000000: the place is lost; check --from: the server has from file:" + file + ":4 to file:" + file + ":" + offset, ""},
			{"a file that is yet to come", "file:binlog.000099:4", "is not of this log", ""},
			{"a file of another name", "file:other.000001:4", "is not of this log", ""},
			{"inside an event", "file:" + file + ":5", "is not the end of a transaction", ""},
			{"a position of this server", string(newest), "", string(newest)},
			{"the oldest position of this server", string(oldest), "", string(oldest)},
			{"GTIDs alone", gtids, "", gtids},
			{"GTIDs that the server does not have", other, "", ""},
			{"nonsense", "lsn:0/1", "is not a place in a binlog", ""},
		} {
			t.Run(kind.name+": "+c.name, func(t *testing.T) {
				if kind.settings != nil && strings.HasPrefix(c.from, "gtid:") {
					c.want, c.begins = "gtid_mode is OFF", ""
					if kind.product.MariaDB() || strings.Contains(c.from, "@") {
						return
					}
				} else if c.from == other {
					c.want = "does not have the transactions " + strings.TrimPrefix(other, "gtid:") + ": the place is lost; check --from: the server has from "
				}
				st, err := locate(t, d, checkpoint.State{}, c.from)
				if c.want != "" {
					wantStop(t, err, c.want)
					return
				}
				if err != nil {
					t.Fatalf("locate %s: %v", c.from, err)
				}
				if !strings.HasPrefix(string(st.Position), c.begins) {
					t.Errorf("got %s, want %s…", st.Position, c.begins)
				}
			})
		}
	}
}

func TestAStartAtATimeFindsItsFile(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
			d.Exec(t, orders)
			// Files that were begun more than a second apart are told apart.
			ticks := time.NewTicker(1100 * time.Millisecond)
			defer ticks.Stop()
			var times []time.Time
			var files []string
			for range 4 {
				file, _ := logEnd(t, d.MySQLDatabase)
				ticks.Reset(1100 * time.Millisecond) // from now on, however long the last round took
				<-ticks.C
				files, times = append(files, file), append(times, d.Clock(t))
				d.Exec(t, "INSERT INTO orders VALUES (NULL)")
				d.Split(t)
			}
			for i, at := range times {
				st, err := locate(t, d, checkpoint.State{}, "time:"+at.Format(time.RFC3339Nano))
				if err != nil {
					t.Fatalf("locate %v: %v", at, err)
				}
				want := files[i]
				if kind.product.MariaDB() && i > 0 { // whole seconds: one file more may be needed
					want = files[i-1]
				}
				got := mysql.FileOf(st.Position)
				if got != files[i] && got != want {
					t.Errorf("a start at %v is in %s, want %s", at, got, files[i])
				}
				r := capturetest.Start(t, d.Source(t), st, "")
				if got := len(r.ToEnd()); got != len(times)-i {
					t.Errorf("a start at %v has %d events, want %d", at, got, len(times)-i)
				}
				r.Close()
			}
			d.Exec(t, "PURGE BINARY LOGS TO '"+files[2]+"'")
			_, err := locate(t, d, checkpoint.State{}, "time:"+times[0].Format(time.RFC3339Nano))
			wantLost(t, err, "--from earliest", files[2])
		})
	}
}

func TestModesOfPositions(t *testing.T) {
	for _, c := range []struct {
		name     string
		product  local.Product
		settings map[string]string
		mode     string
		gtid     bool
	}{
		{"GTIDs where every transaction has one", local.MySQL97, nil, "", true},
		{"files where none has", local.MySQL97, withoutGTIDs, "", false},
		{"files where they are wanted", local.MySQL97, nil, mysql.FilePositions, false},
		{"MariaDB always has them", local.MariaDB114, nil, "", true},
		{"files on MariaDB", local.MariaDB114, nil, mysql.FilePositions, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newSource(t, pool.Server(t, c.product, c.settings).Database(t), func(cfg *mysql.Config) { cfg.Positions = c.mode })
			d.Exec(t, orders)
			for _, from := range []string{event.Now, event.Earliest} {
				st, err := locate(t, d, checkpoint.State{}, from)
				if err != nil {
					t.Fatalf("locate %s: %v", from, err)
				}
				if got := mysql.ByGTID(st.Position); got != c.gtid {
					t.Errorf("%s is %s, want GTIDs %t", from, st.Position, c.gtid)
				}
			}
			st := read(t, d, 3)
			if got := mysql.ByGTID(st.Position); got != c.gtid {
				t.Errorf("the place is %s, want GTIDs %t", st.Position, c.gtid)
			}
		})
	}
}

func TestACheckpointOfAnotherKind(t *testing.T) {
	on := newSource(t, pool.Server(t, local.MySQL97, nil).Database(t), nil)
	on.Exec(t, orders)
	byGTID := read(t, on, 1)
	t.Run("GTIDs, and the server has none any more", func(t *testing.T) {
		on.Exec(t, "SET GLOBAL gtid_mode = ON_PERMISSIVE")
		_, err := locate(t, on, byGTID, "")
		wantStop(t, err, "gtid_mode is ON_PERMISSIVE")
		on.Exec(t, "SET GLOBAL gtid_mode = ON")
	})
	t.Run("a file, and the server has GTIDs", func(t *testing.T) {
		files := on
		files.change = func(cfg *mysql.Config) { cfg.Positions = mysql.FilePositions }
		byFile := read(t, files, 1)
		st, err := locate(t, on, byFile, "")
		if err != nil || st.Position != byFile.Position || st.Epoch != byFile.Epoch {
			t.Errorf("got %s, epoch %d, %v; want %s", st.Position, st.Epoch, err, byFile.Position)
		}
	})
	t.Run("a file, and GTIDs are asked for", func(t *testing.T) {
		files, gtids := on, on
		files.change = func(cfg *mysql.Config) { cfg.Positions = mysql.FilePositions }
		gtids.change = func(cfg *mysql.Config) { cfg.Positions = mysql.GTIDPositions }
		byFile := read(t, files, 1)
		_, err := locate(t, gtids, byFile, "")
		wantStop(t, err, "the checkpoint's place is one of a file", "auto or file again", "--from a gtid: place")
		_, err = locate(t, gtids, byFile, string(byFile.Position))
		wantStop(t, err, "positions are to be of GTIDs")
		if _, err = locate(t, gtids, byFile, string(byGTID.Position)); err != nil {
			t.Errorf("the way out: %v", err)
		}
	})
	t.Run("GTIDs, and files are asked for", func(t *testing.T) {
		files := on
		files.change = func(cfg *mysql.Config) { cfg.Positions = mysql.FilePositions }
		_, err := locate(t, files, byGTID, "")
		wantStop(t, err, "the checkpoint's place is one of GTIDs", "auto or gtid again")
		_, from, _ := strings.Cut(err.Error(), "--from ")
		st, err := locate(t, files, byGTID, from)
		if err != nil || !strings.HasPrefix(string(st.Position), from+"~") {
			t.Errorf("the way out %s: %s, %v", from, st.Position, err)
		}
		_, err = locate(t, files, byGTID, string(byGTID.Position))
		wantStop(t, err, "positions are to be of files")
	})
	t.Run("of Postgres", func(t *testing.T) {
		st := byGTID
		st.Source.Connector = "postgresql"
		_, err := locate(t, on, st, "")
		wantStop(t, err, "postgresql")
	})
	t.Run("of another server, with a file", func(t *testing.T) {
		st := byGTID
		st.Source.System, st.Position = uuid, "file:binlog.000001:4"
		_, err := locate(t, on, st, "")
		wantStop(t, err, "belongs to another server", uuid)
	})
	t.Run("of another server, with a start", func(t *testing.T) {
		st := byGTID
		st.Source.System = uuid
		_, err := locate(t, on, st, event.Now)
		wantStop(t, err, "belongs to another server", uuid)
	})
}

func TestAnotherReaderOfOurID(t *testing.T) {
	for _, product := range local.MySQLProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			d := newSource(t, servers.MySQL(t, product), func(cfg *mysql.Config) { cfg.SlotWait = 300 * time.Millisecond })
			d.Exec(t, orders)
			r := capturetest.Start(t, d.Source(t), checkpoint.State{}, event.Now)
			_, err := locate(t, d, r.State, "")
			if failure.ExitCode(err) != failure.ExitFenced {
				t.Fatalf("a second reader: %v, want exit %d", err, failure.ExitFenced)
			}
			for _, want := range []string{"SHOW REPLICAS", "KILL"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			if got := len(r.ToEnd()); got != 1 {
				t.Errorf("the first reader has %d events, want 1", got)
			}
			r.Close()
			if _, err := locate(t, d, r.State, ""); err != nil {
				t.Errorf("a reader after the first: %v", err)
			}
		})
	}
}
