package mysql

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
)

// A spool keeps bytes of the log until it is known that they count: in memory
// while there is room, then in a file that has no name.
type spool struct {
	dir  string
	room *int // shared by several spools; nil: none
	mem  []byte
	file *os.File
	size int64
}

func newSpool(dir string, room *int) *spool { return &spool{dir: dir, room: room} }

// Write implements io.Writer.
func (p *spool) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	if p.file == nil && p.room != nil && *p.room >= len(b) {
		*p.room -= len(b)
		p.mem = append(p.mem, b...)
		return len(b), nil
	}
	if p.file == nil {
		if err := p.spill(); err != nil {
			return 0, err
		}
	}
	n, err := p.file.Write(b)
	if err != nil {
		return n, spillFailed(err)
	}
	return n, nil
}

// spill goes on in a file.
func (p *spool) spill() error {
	f, err := os.CreateTemp(p.dir, "tailrace-spill-")
	if err != nil {
		return spillFailed(err)
	}
	p.file = f
	if err := os.Remove(f.Name()); err != nil { // so that no crash leaves it
		return spillFailed(err)
	}
	if _, err := f.Write(p.mem); err != nil {
		return spillFailed(err)
	}
	p.giveBack()
	return nil
}

func (p *spool) giveBack() {
	if p.room != nil {
		*p.room += len(p.mem)
	}
	p.mem = nil
}

// spillFailed is a Retry: a disk that is full may have room again.
func spillFailed(err error) error {
	return failure.Retry(fmt.Errorf("keep a large transaction on disk (limits.spill_dir): %w", err))
}

// reader returns what was written, from its beginning.
func (p *spool) reader() (io.Reader, error) {
	if p.file == nil {
		return bytes.NewReader(p.mem), nil
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, spillFailed(err)
	}
	return p.file, nil
}

// close forgets everything. It may be called more than once.
func (p *spool) close() {
	p.giveBack()
	if p.file != nil {
		_ = p.file.Close() // nothing in it is needed any more
		p.file = nil
	}
}

// keptHead is what stands before an event in the spool of a prepared
// transaction: its offset in the transaction, its type, and its length.
const keptHead = 8 + 1 + 4

// add keeps an event.
func (p *spool) add(h binlog.Header, body []byte, offset uint64) error {
	var head [keptHead]byte
	binary.LittleEndian.PutUint64(head[:], offset)
	head[8] = byte(h.Type)
	binary.LittleEndian.PutUint32(head[9:], uint32(len(body)))
	if _, err := p.Write(head[:]); err != nil {
		return err
	}
	_, err := p.Write(body)
	return err
}
