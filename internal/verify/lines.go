package verify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lines reads a file line by line.
type lines struct {
	path   string
	file   *os.File      // to close; nil for one of somebody else's
	buf    *bufio.Reader // nil for a file that is not there, which has no line
	long   []byte
	number int   // of the last line, from 1
	end    int64 // offset behind the last line's break
}

func openLines(path string) (*lines, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &lines{path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return &lines{path: path, file: f, buf: bufio.NewReaderSize(f, 256<<10)}, nil
}

// next returns the next line without its break, valid until the next call, or
// io.EOF. A last line without a break is a Violation.
func (l *lines) next() ([]byte, error) {
	if l.buf == nil {
		return nil, io.EOF
	}
	line, err := l.buf.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.buf.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return nil, io.EOF
	}
	l.number++
	l.end += int64(len(line))
	if errors.Is(err, io.EOF) {
		return nil, l.broken("the last line has no end")
	}
	if err != nil {
		return nil, fmt.Errorf("verify: read %s: %w", l.path, err)
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

// empty reports whether there is no line. It is for a file that nothing was
// read of yet.
func (l *lines) empty() (bool, error) {
	if l.buf == nil {
		return true, nil
	}
	_, err := l.buf.Peek(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("verify: read %s: %w", l.path, err)
	}
	return false, nil
}

func (l *lines) name() string { return filepath.Base(l.path) }

func (l *lines) close() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
}
