package status_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/status"
)

func TestPagesAreReadOnly(t *testing.T) {
	s := serve(t, following())
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200},
		{"HEAD", "/livez", 200},
		{"HEAD", "/metrics", 200},
		{"GET", "/livez/", 404},
		{"GET", "/debug/pprof/", 404},
		{"GET", "/nothing", 404},
		{"POST", "/livez", 405},
		{"PUT", "/status", 405},
		{"DELETE", "/metrics", 405},
		{"PUT", "/snapshots", 405},
		{"DELETE", "/snapshots", 405},
		{"GET", "/snapshots/1", 405},
		{"OPTIONS", "/readyz", 405},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.Addr()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s %s: got %d, want %d", c.method, c.path, response.StatusCode, c.want)
		}
	}
}

func TestTheFirstPageListsTheOthers(t *testing.T) {
	s := serve(t, following())
	_, text := get(t, s, "/")
	listed := 0
	for line := range strings.Lines(text) {
		if path, _, _ := strings.Cut(line, " "); strings.HasPrefix(path, "/") {
			listed++
			if code, _ := get(t, s, path); code != http.StatusOK {
				t.Errorf("%s: got %d, want 200", path, code)
			}
		}
	}
	if listed != 5 {
		t.Errorf("listed: got %d pages, want 5", listed)
	}
}

// A page in a browser whose name was made to lead to this machine sends its own
// name.
func TestOnLoopbackOnlyThisMachineIsAnswered(t *testing.T) {
	ask := func(t *testing.T, s *status.Server, host string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+dialable(s)+"/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	local := serve(t, following())
	everywhere := serve(t, following(), func(c *status.Config) { c.Listen = ":0" })
	for _, c := range []struct {
		host              string
		local, everywhere int
	}{
		{"127.0.0.1:8085", 200, 200},
		{"127.0.0.1", 200, 200},
		{"[::1]:8085", 200, 200},
		{"LocalHost:8085", 200, 200},
		{"evil.example:8085", 403, 200},
		{"127.0.0.1.evil.example", 403, 200},
		{"10.0.0.1", 403, 200},
	} {
		if got := ask(t, local, c.host); got != c.local {
			t.Errorf("host %s on loopback: got %d, want %d", c.host, got, c.local)
		}
		if got := ask(t, everywhere, c.host); got != c.everywhere {
			t.Errorf("host %s on all addresses: got %d, want %d", c.host, got, c.everywhere)
		}
	}
}

// dialable is the address of a Server that listens on all.
func dialable(s *status.Server) string {
	_, port, _ := net.SplitHostPort(s.Addr())
	return "127.0.0.1:" + port
}

func TestALongRequestIsRefused(t *testing.T) {
	s := serve(t, following())
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The server may have gone away before all of it is written.
	_, _ = fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got, want := response.StatusCode, http.StatusRequestHeaderFieldsTooLarge; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestAnAddressThatCanNotBeHadIsAnErrorOfUsage(t *testing.T) {
	taken := serve(t, following()).Addr()
	for _, c := range []struct{ name, listen, want string }{
		{"taken", taken, "admin.listen: " + taken + " is taken; another Tailrace may run on this machine; give this one an address of its own with --admin, or off"},
		{"not of this machine", "192.0.2.1:0", "admin.listen: 192.0.2.1:0 can't be listened on: cannot assign requested address; give another address with --admin, or off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := status.Start(status.Config{Listen: c.listen, Work: func(time.Time) status.Work { return following() }})
			if err == nil {
				t.Fatalf("got no error, want %q", c.want)
			}
			if err.Error() != c.want || failure.ExitCode(err) != failure.ExitUsage {
				t.Errorf("got  %s (exit %d)\nwant %s (exit 1)", err, failure.ExitCode(err), c.want)
			}
		})
	}
}

func TestAnAddressThatIsTakenIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name     string
		freed    bool
		patience time.Duration
	}{
		{"a predecessor that ends", true, patience},
		{"another process that stays", false, time.Nanosecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			predecessor := serve(t, following())
			address := predecessor.Addr()
			given := make(chan error, 2)
			s := serve(t, following(), func(config *status.Config) {
				config.Listen, config.Patience = address, c.patience
				config.Pipeline = "successor"
				config.GiveUp = func(err error) { given <- err }
			})
			if got := s.Addr(); got != address {
				t.Errorf("address: got %s, want %s", got, address)
			}
			if c.freed {
				predecessor.Close()
				eventually.True(t, patience, "the successor answers", func() bool {
					response, err := http.Get("http://" + address + "/livez")
					if err != nil {
						return false
					}
					_ = response.Body.Close()
					return true
				})
				if got := report(t, s).Pipeline; got != "successor" {
					t.Errorf("pipeline: got %s, want the successor", got)
				}
				s.Close()
				if len(given) != 0 {
					t.Errorf("got %v, want an address that is had", <-given)
				}
				return
			}
			err := <-given
			want := "admin.listen: " + address + " is taken; another Tailrace may run on this machine; give this one an address of its own with --admin, or off"
			if err.Error() != want || failure.ExitCode(err) != failure.ExitUsage {
				t.Errorf("got  %s (exit %d)\nwant %s (exit 1)", err, failure.ExitCode(err), want)
			}
			s.Close()
			if got := report(t, predecessor).Pipeline; got != "shop" {
				t.Errorf("after the end of the other one: got %s, want the first one to answer", got)
			}
		})
	}
}

// The end does not wait until the address is had or given up.
func TestAWaitForAnAddressEndsWithTheServer(t *testing.T) {
	s := serve(t, following(), func(c *status.Config) {
		c.Listen = serve(t, following()).Addr()
		c.GiveUp = func(err error) { t.Errorf("given up: %v", err) }
	})
	begin := time.Now()
	s.Close()
	if got, want := time.Since(begin), 10*time.Second; got > want {
		t.Errorf("time to close: got %v, want at most %v", got, want)
	}
}

func TestASlowClientDoesNotHoldTheEndUp(t *testing.T) {
	s := serve(t, following())
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET /livez HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	get(t, s, "/livez") // the first one was accepted before
	begin := time.Now()
	s.Close()
	if got, want := time.Since(begin), 10*time.Second; got > want {
		t.Errorf("time to close: got %v, want at most %v", got, want)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("a closed server takes connections")
	}
}

func TestAnErrorOfTheServersLogIsToldOnce(t *testing.T) {
	core, seenLines := observer.New(zap.WarnLevel)
	g := &gauge{err: failure.Retry(errors.New("connection refused"))}
	s := serve(t, following(), seen(g), func(c *status.Config) { c.Log = zap.New(core) })
	g.answered(t, 3)
	g.say(unknown(), nil)
	eventually.True(t, patience, "the error is forgotten", func() bool { return report(t, s).Log.Error == "" })
	g.say(capture.Sight{}, failure.Retry(errors.New("connection refused")))
	eventually.True(t, patience, "the error is there again", func() bool { return report(t, s).Log.Error == "connection refused" })
	if got := report(t, s).Log; got.Asked == nil || got.Newest != "lsn:0/2" {
		t.Errorf("got %+v, want what the server said last and when", got)
	}
	s.Close()
	if got := seenLines.Len(); got != 2 {
		t.Errorf("lines of the log: got %d, want one for each time that it began", got)
	}
}
