package postgres

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is a connection outside of Go's network poller. The poller has a
// thread wait in epoll, which every packet wakes although nobody wants to read
// yet; the server sends a packet per row, and its sending gets slower with
// each wake. A thread that sleeps in nanosleep is left alone.
//
// Read is called by one goroutine at a time and Write by one; the rest from
// anywhere.
type socket struct {
	net.Conn // for the addresses; closed
	fd       int
	wakeFD   int // eventfd: look at the deadline again

	mu     sync.RWMutex // read-held while fd is used
	closed atomic.Bool

	readDeadline, writeDeadline atomic.Int64 // Unix nanoseconds, 0 for none
	waiting                     atomic.Bool  // Read is in poll, or about to be

	busy atomic.Bool // see pace
	dry  bool        // the last read took all there was
}

// newSocket takes conn out of the poller.
func newSocket(conn net.Conn) (net.Conn, error) {
	f, ok := conn.(interface{ File() (*os.File, error) })
	if !ok {
		return conn, nil
	}
	defer func() { _ = conn.Close() }() // a duplicate lives on
	file, err := f.File()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // likewise
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	return &socket{Conn: conn, fd: fd, wakeFD: wake}, nil
}

// dial makes a socket; it is the DialFunc of connections for replication.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Control: widen}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return newSocket(conn)
}

// receiveBuffer is what the kernel may hold for us between two paced reads. It
// counts a packet of one row several times over, and what it has no room for it
// drops, so that the server's kernel sends each row again and by itself.
const receiveBuffer = 2 << 20

// widen gives a socket its receive buffer before it connects, when the window's
// scale is agreed on. Where the system allows less than that, the size that the
// kernel finds by itself is better: a size that is set stays.
func widen(_, _ string, c syscall.RawConn) error {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if most, parseErr := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || parseErr != nil || most < receiveBuffer {
		return nil // not told, so not widened
	}
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer) // it works without
	})
}

// pace implements pacer.
func (s *socket) pace(on bool) { s.busy.Store(on) }

// more implements pacer.
func (s *socket) more() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.busy.Load() || s.closed.Load() {
		return false
	}
	s.rest()
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// rest waits a moment if the last read took all there was.
func (s *socket) rest() {
	if s.dry && s.busy.Load() {
		t := unix.NsecToTimespec(int64(pause))
		_ = unix.Nanosleep(&t, nil) // a signal may end it early: that is as good
		s.dry = false
	}
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.rest()
	for {
		if s.closed.Load() {
			return 0, net.ErrClosed
		}
		n, err := unix.Read(s.fd, p)
		switch {
		case n > 0:
			s.dry = n < len(p)
			return n, nil
		case err == nil && len(p) > 0:
			return 0, io.EOF
		case err == nil:
			return 0, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if err := s.wait(); err != nil {
				return 0, err
			}
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// wait returns when there may be something to read, or at the deadline.
func (s *socket) wait() error {
	s.waiting.Store(true) // before the deadline is looked at: see wake
	defer s.waiting.Store(false)
	timeout, err := untilDeadline(s.readDeadline.Load())
	if err != nil {
		return err
	}
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(s.wakeFD), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, timeout); err != nil && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("poll", err)
	}
	if fds[1].Revents != 0 {
		var count [8]byte
		_, _ = unix.Read(s.wakeFD, count[:]) // EAGAIN: somebody was quicker
	}
	return nil
}

// untilDeadline returns the time to a deadline in milliseconds, -1 for none.
func untilDeadline(deadline int64) (int, error) {
	if deadline == 0 {
		return -1, nil
	}
	left := deadline - time.Now().UnixNano()
	if left <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return int(min(left/int64(time.Millisecond)+1, math.MaxInt32)), nil
}

// wake makes a waiting Read look again.
func (s *socket) wake() {
	s.mu.RLock() // a descriptor that is closed may be somebody else's by now
	defer s.mu.RUnlock()
	if s.waiting.Load() && s.wakeFD >= 0 {
		_, _ = unix.Write(s.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // full: it is awake already
	}
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	done := 0
	for done < len(p) {
		if s.closed.Load() {
			return done, net.ErrClosed
		}
		n, err := unix.SendmsgN(s.fd, p[done:], nil, nil, unix.MSG_NOSIGNAL)
		switch {
		case n > 0:
			done += n
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			if _, err := untilDeadline(s.writeDeadline.Load()); err != nil {
				return done, err
			}
			// A full send buffer is rare, and a late look at it does no harm.
			fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}
			if _, err := unix.Poll(fds, 100); err != nil && !errors.Is(err, unix.EINTR) {
				return done, os.NewSyscallError("poll", err)
			}
		default:
			return done, os.NewSyscallError("write", err)
		}
	}
	return done, nil
}

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetWriteDeadline(t)
	return s.SetReadDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.readDeadline.Store(nanos(t))
	s.wake()
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.writeDeadline.Store(nanos(t))
	return nil
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Close implements net.Conn. It ends a Read and a Write that run.
func (s *socket) Close() error {
	if s.closed.Swap(true) {
		return net.ErrClosed
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // an error says that the peer was first
	s.wake()
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = unix.Close(s.wakeFD)
	s.wakeFD = -1
	return os.NewSyscallError("close", unix.Close(s.fd))
}
