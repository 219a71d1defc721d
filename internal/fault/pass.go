package fault

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A link is one connection.
type link struct {
	p              *Proxy
	client, server *net.TCPConn
	once           sync.Once
	gone           chan struct{} // closed when it is cut
	lost           bool          // under the proxy's mutex: something of it was swallowed
}

// A piece is what was read at once, and when it is due.
type piece struct {
	bytes []byte
	due   time.Time
}

// onTheWay bounds the pieces that a delay holds.
const onTheWay = 256

// pass passes on what comes from one end to the other, and an orderly end too. It
// returns when nothing comes any more.
func (l *link) pass(from, to *net.TCPConn) {
	pieces := make(chan piece, onTheWay)
	l.p.running.Go(func() { l.read(from, pieces) })
	for next := range pieces {
		if !l.wait(next.due) || l.swallowed() {
			continue
		}
		if _, err := to.Write(next.bytes); err != nil {
			l.cut()
		}
	}
	_ = to.CloseWrite() // it may be cut
}

// read reads one end until its end. It reads nothing while the proxy is frozen, so
// that the sender is held back.
func (l *link) read(from *net.TCPConn, pieces chan<- piece) {
	defer close(pieces)
	buf := make([]byte, 64<<10)
	var free time.Time // when the next byte may go
	for l.wait(time.Time{}) {
		n, err := from.Read(buf)
		if n > 0 {
			now, _ := l.p.now()
			due := time.Now().Add(now.delay)
			if now.rate > 0 {
				if free.Before(due) {
					free = due
				}
				free = free.Add(time.Duration(n) * time.Second / time.Duration(now.rate))
				due = free
			}
			select {
			case pieces <- piece{append([]byte(nil), buf[:n]...), due}:
			case <-l.gone:
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.cut()
			}
			return
		}
	}
}

// wait waits until the time has come and nothing is frozen. It returns false for a
// connection that is cut.
func (l *link) wait(due time.Time) bool {
	for {
		now, changed := l.p.now()
		var comes <-chan time.Time
		left := time.Until(due)
		switch {
		case left > 0:
			comes = time.After(left)
		case !now.frozen:
			return true
		}
		select {
		case <-comes:
		case <-changed:
		case <-l.gone:
			return false
		}
	}
}

// swallowed reports whether a piece is to go nowhere.
func (l *link) swallowed() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.lost = l.lost || l.p.rules.blackhole
	return l.p.rules.blackhole
}

// cut ends it at both ends with a reset.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.gone)
		reset(l.client)
		reset(l.server)
	})
}

// end closes both ends in order, so that what was passed on arrives.
func (l *link) end() {
	l.once.Do(func() {
		close(l.gone)
		_ = l.client.Close() // the other side may be gone
		_ = l.server.Close()
	})
}

// reset closes a connection so that its other end gets an error at once, whatever
// is on its way.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // it may be closed
	_ = conn.Close()
}
