package fault_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/fault"
)

const patience = 20 * time.Second

// echo starts a server that sends back what it gets, and returns a proxy to it.
func echo(t *testing.T) *fault.Proxy {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return // the test has ended
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // it ends as the test wants it
			}()
		}
	}()
	p, err := fault.Listen(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	p.To(server.Addr().String())
	return p
}

func dial(t *testing.T, p *fault.Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func receive(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("receive: got %q, %v, want %q", got, err, want)
	}
}

// dead wants a connection to end with a reset.
func dead(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got error %v, want a reset", err)
	}
}

func TestBytesArriveWholeAndSoDoesTheEnd(t *testing.T) {
	conn := dial(t, echo(t))
	want := bytes.Repeat([]byte("0123456789"), 1<<20)
	go func() {
		_, _ = conn.Write(want) // what is missing is seen below
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes and error %v, want the same %d", len(got), err, len(want))
	}
}

func TestADelayHoldsBackAndLosesNothing(t *testing.T) {
	p := echo(t)
	conn := dial(t, p)
	const delay = 50 * time.Millisecond
	p.Delay(delay)
	begin := time.Now()
	send(t, conn, "late")
	receive(t, conn, "late")
	if took := time.Since(begin); took < 2*delay {
		t.Errorf("there and back took %v, want at least %v", took, 2*delay)
	}
}

func TestARateLetsEachConnectionHaveItsOwnShareAndLosesNothing(t *testing.T) {
	p := echo(t)
	const rate, size = 1 << 20, 256 << 10
	p.Rate(rate)
	begin := time.Now()
	for range 2 {
		conn := dial(t, p)
		go func() {
			_, _ = conn.Write(bytes.Repeat([]byte("x"), size)) // what arrives says how it went
			_ = conn.CloseWrite()
		}()
		if got, err := io.ReadAll(conn); err != nil || len(got) != size {
			t.Fatalf("got %d bytes and %v, want all %d", len(got), err, size)
		}
	}
	if got, least := time.Since(begin), 2*time.Second*size/rate; got < least {
		t.Errorf("it took %v, want at least %v at this rate", got, least)
	}
}

func TestAFrozenProxyKeepsConnectionsAndWhatWasSent(t *testing.T) {
	p := echo(t)
	conn := dial(t, p)
	send(t, conn, "before")
	receive(t, conn, "before")
	p.Freeze()
	send(t, conn, "during")
	late := dial(t, p)
	send(t, late, "late")
	silent(t, conn)
	silent(t, late)
	p.Thaw()
	receive(t, conn, "during")
	receive(t, late, "late")
}

// silent wants nothing to come for a moment.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !isTimeout(err) {
		t.Errorf("got %d bytes and error %v, want silence", n, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestABlackholeSwallowsAndWhoLostSomethingIsCutAfter(t *testing.T) {
	p := echo(t)
	conn, idle := dial(t, p), dial(t, p)
	for _, c := range []*net.TCPConn{conn, idle} {
		send(t, c, "before")
		receive(t, c, "before")
	}
	p.Blackhole(true)
	send(t, conn, "lost")
	silent(t, conn)
	p.Blackhole(false)
	dead(t, conn)
	send(t, idle, "after")
	receive(t, idle, "after")
}

func TestCutEndsAllConnectionsAndNewOnesLive(t *testing.T) {
	p := echo(t)
	conn := dial(t, p)
	send(t, conn, "before")
	receive(t, conn, "before")
	if got := p.Cut(); got != 1 {
		t.Errorf("got %d cut, want 1", got)
	}
	dead(t, conn)
	conn = dial(t, p)
	send(t, conn, "after")
	receive(t, conn, "after")
	if got := p.Made(); got != 2 {
		t.Errorf("got %d connections made, want 2", got)
	}
}

func TestConnectionsDieWithinTheirTime(t *testing.T) {
	p := echo(t)
	const least, most = 30 * time.Millisecond, 60 * time.Millisecond
	p.CutAfter(least, most)
	begin := time.Now()
	conn := dial(t, p)
	dead(t, conn)
	if took := time.Since(begin); took < least {
		t.Errorf("it died after %v, want at least %v", took, least)
	}
	p.CutAfter(0, 0)
	conn = dial(t, p)
	send(t, conn, "lives")
	receive(t, conn, "lives")
	silent(t, conn)
}

func TestWhoComesToAServerThatIsAwayIsRefused(t *testing.T) {
	p := echo(t)
	p.To("127.0.0.1:1")
	conn, err := net.Dial("tcp", p.Address()) // the reset may come before it returns
	if err == nil {
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got error %v, want a reset", err)
	}
}

func TestCloseEndsWhatIsFrozen(t *testing.T) {
	p, err := fault.Listen(1)
	if err != nil {
		t.Fatal(err)
	}
	p.To(echo(t).Address())
	conn := dial(t, p)
	p.Freeze()
	send(t, conn, "stuck")
	eventually.True(t, patience, "the connection is made", func() bool { return p.Made() == 1 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	dead(t, conn)
}
