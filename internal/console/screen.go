package console

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Colored reports whether f takes colours: it is a terminal, and the user has
// not asked for plain text (no-color.org).
func Colored(f *os.File) bool {
	return IsTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// IsTerminal reports whether f is one.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// A Screen holds lines that scroll and, on a terminal, one status line that
// stays below them. Any goroutine may use it.
type Screen struct {
	out    io.Writer
	width  func() int // columns of the terminal; nil: it is none
	mu     sync.Mutex
	status string
	buf    []byte
}

var _ io.Writer = (*Screen)(nil)

// NewScreen returns a Screen on out. width returns the terminal's columns, and
// is nil when out is no terminal: then a status is a line like any other.
func NewScreen(out io.Writer, width func() int) *Screen {
	return &Screen{out: out, width: width}
}

// NewTerminal returns a Screen on f, as a terminal if it is one.
func NewTerminal(f *os.File) *Screen {
	if !IsTerminal(f) {
		return NewScreen(f, nil)
	}
	return NewScreen(f, func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 { // it does not know
			return 80
		}
		return columns
	})
}

// Live reports whether the status line stays in its place, so that it may
// change often.
func (s *Screen) Live() bool { return s.width != nil }

const eraseLine = "\r\x1b[K"

// Write writes whole lines above the status.
func (s *Screen) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == "" {
		return s.out.Write(lines)
	}
	s.buf = append(s.buf[:0], eraseLine...)
	s.buf = append(s.buf, lines...)
	s.buf = s.appendStatus(s.buf)
	if _, err := s.out.Write(s.buf); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// Status replaces the status line; "" removes it. An error of the terminal is
// left to the next Write.
func (s *Screen) Status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.width == nil {
		if text != "" {
			_, _ = io.WriteString(s.out, text+"\n")
		}
		return
	}
	s.status = text
	s.buf = append(s.buf[:0], eraseLine...)
	_, _ = s.out.Write(s.appendStatus(s.buf))
}

// appendStatus appends the status line cut to the terminal's width: were it
// to wrap, it could not be erased.
func (s *Screen) appendStatus(dst []byte) []byte {
	if s.status == "" {
		return dst
	}
	dst = append(dst, "\x1b[7m"...) // reverse video
	dst = appendClean(dst, " "+s.status+" ", max(1, s.width()-2))
	return append(dst, "\x1b[0m"...)
}
