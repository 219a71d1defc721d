package mysql

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// caughtUp reports whether a place has every transaction of the log.
func (l *logState) caughtUp(at *position) bool {
	return at.byGTID && l.newest.byGTID && at.set.Contains(l.newest.set) && at.list.Contains(l.newest.list)
}

// span returns the bytes of the i-th file from an offset on, up to where the log
// ended when it was asked.
func (l *logState) span(i int, from uint64) int64 {
	end := l.files[i].size
	if l.files[i].name == l.newest.file {
		end = l.newest.offset
	}
	return int64(max(end, from) - from)
}

// last is the index of the file that the server wrote when it was asked.
func (l *logState) last() int {
	for i := len(l.files) - 1; i > 0; i-- {
		if l.files[i].name == l.newest.file {
			return i
		}
	}
	return len(l.files) - 1
}

// next returns the file in which a place goes on, and from where on; -1 if the
// place names none of this log.
func (l *logState) next(at *position) (i int, from uint64) {
	if l.caughtUp(at) {
		return l.last(), l.newest.offset
	}
	base, n, err := fileNumber(at.file)
	if err != nil {
		return -1, 0
	}
	for i, f := range l.files {
		b, m, err := fileNumber(f.name)
		switch {
		case err != nil || b != base:
			return -1, 0
		case m == n:
			return i, at.offset
		case m > n: // its own is purged, and it has all of that
			return i, 0
		}
	}
	return -1, 0
}

// after returns how many bytes of log lie behind a place.
func (l *logState) after(at *position) int64 {
	i, from := l.next(at)
	if i < 0 {
		return capture.Unknown
	}
	n := l.span(i, from)
	for i++; i <= l.last(); i++ {
		n += l.span(i, 0)
	}
	return n
}

// keeping is what the server says of how it deletes its log by itself.
type keeping struct {
	age      time.Duration // of a file's last event; 0: no limit, or none that is known
	ageName  string        // of the setting
	soon     bool          // nothing was asked to stay: a file goes as soon as nobody but us needs it
	size     int64         // of all files together; 0: no limit
	sizeName string
	now      int64 // Unix seconds
}

// sizeLimit is the variable of MariaDB 11.4 and later, and of Percona's server,
// that limits the size of all files.
const (
	sizeLimit    = "max_binlog_total_size"
	sizeLimitOld = "binlog_space_limit"
)

func readKeeping(c *client.Conn) (k keeping, err error) {
	rows, err := query(c, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_expire_logs_seconds', 'expire_logs_days',
		'binlog_expire_logs_auto_purge', '`+sizeLimit+`', '`+sizeLimitOld+`', `+providerVariables+`) OR Variable_name LIKE 'aad\_auth%'`)
	if err != nil {
		return k, err
	}
	v := make(map[string]string, len(rows))
	for _, row := range rows {
		if len(row) == 2 {
			v[strings.ToLower(row[0])] = row[1]
		}
	}
	if rows, err = query(c, "SELECT UNIX_TIMESTAMP()"); err != nil {
		return k, err
	}
	if len(rows) != 1 {
		return k, errForeign
	}
	if k.now, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return k, errForeign
	}
	if p := providerOf(v); p == capture.RDS || p == capture.Aurora {
		err = k.readRetentionHours(c)
	} else {
		k.byVariables(v)
	}
	for _, name := range []string{sizeLimit, sizeLimitOld} {
		if n, err := strconv.ParseInt(v[name], 10, 64); err == nil && n > 0 {
			k.size, k.sizeName = n, name
			break
		}
	}
	return k, err
}

// byVariables takes the age from the variables of a server that deletes by them.
func (k *keeping) byVariables(v map[string]string) {
	if k.age = period(v["binlog_expire_logs_seconds"], time.Second); k.age > 0 {
		k.ageName = "binlog_expire_logs_seconds"
	} else if k.age = period(v["expire_logs_days"], 24*time.Hour); k.age > 0 {
		k.ageName = "expire_logs_days"
	}
	if v["binlog_expire_logs_auto_purge"] == "OFF" {
		k.age = 0
	}
}

// retentionHours is what RDS and Aurora delete by, whatever the variables say. NULL,
// its default, keeps nothing for anybody.
const retentionHours = "binlog retention hours"

// readRetentionHours takes the age from there. Who may not read it learns nothing.
func (k *keeping) readRetentionHours(c *client.Conn) error {
	records, err := queryRecords(c, "SELECT COALESCE(value, '') AS hours FROM mysql.rds_configuration WHERE name = ?", retentionHours)
	switch {
	case isDenied(err) || noSuchTable(err) || err == nil && len(records) == 0:
		return nil
	case err != nil:
		return err
	}
	k.ageName = retentionHours
	k.age = period(records[0]["hours"], time.Hour)
	k.soon = k.age == 0
	return nil
}

// noSuchTable reports whether an error says so (ER_NO_SUCH_TABLE).
func noSuchTable(err error) bool {
	my := serverError(err)
	return my != nil && my.Code == 1146
}

// period reads a number of units; what is no number, or is not there, is 0.
func period(text string, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n * float64(unit))
}

// limits fills in for how long, and for how much more, the server keeps the file
// that a place goes on in. It deletes a file by the age of its last event, and
// never the one that it writes. When that event was is taken from the beginning of
// the next file, so that a server that was down in between seems to be younger.
func (g *Gauge) limits(ctx context.Context, sight *capture.Sight, l *logState, k keeping, at *position) error {
	i, _ := l.next(at)
	if i < 0 {
		return nil
	}
	var names []string
	if k.age > 0 || k.soon {
		names = append(names, k.ageName)
		sight.Left = k.age
		if i < l.last() {
			begun, err := g.beginning(ctx, l.files[i+1].name)
			if err != nil {
				return err
			}
			age := time.Duration(k.now-int64(begun)) * time.Second
			sight.Left = max(0, k.age-max(0, age))
		}
	}
	if k.size > 0 {
		names = append(names, k.sizeName)
		for j := i; j <= l.last(); j++ {
			k.size -= l.span(j, 0)
		}
		sight.Room = max(0, k.size)
	}
	sight.Limit = strings.Join(names, " and ")
	return nil
}

// beginning returns when a file was begun, in Unix seconds of the server's clock.
func (g *Gauge) beginning(ctx context.Context, file string) (uint32, error) {
	if begun, ok := g.begun[file]; ok {
		return begun, nil
	}
	h, err := g.src.readHead(ctx, file)
	if notThere(err) {
		return 0, purgedMeanwhile(file)
	}
	if err != nil {
		return 0, err
	}
	g.begun = map[string]uint32{file: h.created} // the place moves on, and never back
	return h.created, nil
}

// purgedMeanwhile is the error for what is gone since it was listed: the
// next look finds out what that means.
func purgedMeanwhile(what string) error {
	return failure.Retry(errors.New("the server has purged " + what + " meanwhile"))
}
