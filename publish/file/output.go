package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// errRemoved says that somebody took a file away while it was written to.
var errRemoved = errors.New("it was removed while it was written to")

// An output is the file of one topic. It stays known while it is closed to
// make room for others.
type output struct {
	path string
	file *os.File // nil while it is closed
	used uint64   // number of the last group that had lines for it

	need    int    // how many bytes the group has for it
	lines   []byte // those bytes
	length  int64  // when it was opened, with what was written since
	durable int64  // as far as that is synced; the syncer's until the folder is settled
}

// open opens the file, and reports whether that made it.
func (o *output) open() (created bool, err error) {
	f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		created = true
		f, err = os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, errors.Join(err, f.Close())
	}
	o.file, o.length, o.durable = f, info.Size(), info.Size()
	return created, nil
}

// write appends the lines of the group.
func (o *output) write() error {
	n, err := o.file.Write(o.lines)
	o.length += int64(n)
	o.lines = nil
	return err
}

// sync makes what was written durable up to this length.
func (o *output) sync(to int64) error {
	if o.durable >= to {
		return nil
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	var info syscall.Stat_t
	if err := syscall.Fstat(int(o.file.Fd()), &info); err != nil {
		return fmt.Errorf("stat %s: %w", o.path, err)
	}
	if info.Nlink == 0 {
		return fmt.Errorf("%s: %w", o.path, errRemoved)
	}
	o.durable = to
	return nil
}

// close closes the file. What was written to it is synced or given up by now: the
// errors of a write-back that nobody waited for are not sure to reach a file that is
// opened later.
func (o *output) close() error {
	f := o.file
	o.file = nil
	return f.Close()
}

// abandon cuts off what is not durable, unless somebody else wrote to the file too.
// It does what it can after an error that is reported already; what is left of a line
// is cut off by the next Open.
func (o *output) abandon() {
	if o.length == o.durable {
		return
	}
	if info, err := o.file.Stat(); err == nil && info.Size() == o.length {
		_ = o.file.Truncate(o.durable)
	}
}
