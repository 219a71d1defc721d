package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/status"
)

// onFree are the arguments of a daemon that serves its pages, and says where before
// it follows.
var onFree = []string{"--admin", "127.0.0.1:0", "--log-level", "debug"}

// admin returns where a daemon serves its pages.
func (p *process) admin(t *testing.T) string {
	t.Helper()
	const says = "serving metrics and health"
	p.logs(t, says)
	address, _ := p.lines(t, says)[0]["address"].(string)
	return address
}

// page returns one of them, or an error if nobody answers. It must show no
// secret.
func (p *process) page(t *testing.T, path string) (code int, text string, err error) {
	t.Helper()
	response, err := http.Get("http://" + p.admin(t) + path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	for _, secret := range []string{password, rowValue} {
		if strings.Contains(string(body), secret) {
			t.Errorf("%s shows %s", path, secret)
		}
	}
	return response.StatusCode, string(body), err
}

// report returns what a running daemon says of itself.
func (p *process) report(t *testing.T) status.Report {
	t.Helper()
	var r status.Report
	_, text, err := p.page(t, "/status")
	if err == nil {
		err = json.Unmarshal([]byte(text), &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// answers waits until a page has this code and holds this text.
func (p *process) answers(t *testing.T, path string, code int, text string) {
	t.Helper()
	eventually.NoError(t, patience, fmt.Sprintf("%s answers %d with %q", path, code, text), func() error {
		got, body, err := p.page(t, path)
		if err == nil && (got != code || !strings.Contains(body, text)) {
			err = fmt.Errorf("it answers %d with %.1000q", got, body)
		}
		return err
	})
}

// status runs `tailrace status` for a daemon at address.
func (s *site) status(t *testing.T, address string, args ...string) *process {
	t.Helper()
	p := s.start(t, append([]string{"status", "--admin", address}, args...)...)
	p.wait(t)
	return p
}

func TestAnAdminPortThatAnotherProcessKeepsEndsTheDaemon(t *testing.T) {
	t.Parallel()
	address := web(t)
	s := newSite(t, servers.Postgres(t, 18))
	want := "admin.listen: " + address + " is taken; another Tailrace may run on this machine; give this one an address of its own with --admin, or off"
	p := s.follow(t, append([]string{"--admin", address}, fromNow...)...)
	p.following(t)
	s.insert(t, 1, 3)
	p.exits(t, 1)
	if got := p.verdict(t); got != want {
		t.Errorf("sentence:\n got %s\nwant %s", got, want)
	}
	s.follow(t, "--until", "now").succeeds(t)
	wantIDs(t, s.ids(t), 1, 3)
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// An orchestrator may start the new daemon before the old one has ended. On one host
// both want one address, and what tells them apart may take as long as the slot is
// waited for.
func TestASecondDaemonIsFencedAlthoughItsAdminPortIsTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	address := freePort(t)
	onFixed := append([]string{"--admin", address}, fromNow...)
	first := s.follow(t, onFixed...)
	first.following(t)
	elsewhere := t.TempDir()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"with the same checkpoint", s.checkpoint() + " is locked by ", nil},
		{"with another checkpoint and the same slot", s.slot, []string{"--checkpoint", "file://" + elsewhere + "/other.json", "--publish", "file://" + elsewhere + "/events"}},
	} {
		second := s.follow(t, append(c.args, onFixed...)...)
		second.exits(t, 3)
		if got := second.verdict(t); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q in it", c.name, got, c.want)
		}
		if len(second.lines(t, "the admin address is taken, and waited for")) != 1 {
			t.Errorf("%s: it does not say that its address is taken", c.name)
		}
	}
	s.status(t, address).exits(t, 0)
	s.insert(t, 1, 3)
	first.stop(t)
	s.follow(t, "--until", "now").succeeds(t)
	wantIDs(t, s.ids(t), 1, 3)
}

func TestADaemonTellsWhatItDoes(t *testing.T) {
	t.Parallel()
	eachVersion(t, func(t *testing.T, version int) {
		s := newSite(t, servers.Postgres(t, version))
		p := s.follow(t, append(onFree, fromNow...)...)
		p.answers(t, "/readyz", 200, "ready")
		s.insert(t, 1, 3)
		s.db.Exec(t, "UPDATE orders SET note = '"+rowValue+" again' WHERE id = 1")
		p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="update",table="public.orders"} 1`)
		p.answers(t, "/metrics", 200, `tailrace_published_changes_total{op="insert",table="public.orders"} 3`)
		p.answers(t, "/metrics", 200, `tailrace_received_changes_total{op="insert",table="public.orders"} 3`)
		p.answers(t, "/livez", 200, "idle")
		p.answers(t, "/metrics", 200, "\ntailrace_lag_seconds 0\n")
		p.answers(t, "/status", 200, string(s.state(t).Position))

		r := p.report(t)
		if r.Pipeline != s.name || !r.Ready || r.Phase != "following" || r.Changes.Published != 4 || r.Changes.Received != 4 || r.Changes.Bytes == 0 {
			t.Errorf("/status: got %+v, want a pipeline that follows and has published 4 changes", r)
		}
		wantSource := status.Source{Server: fmt.Sprintf("127.0.0.1:%d", s.db.Port), Version: r.Source.Version, Tables: 1}
		if r.Source != wantSource || !strings.HasPrefix(r.Source.Version, fmt.Sprintf("PostgreSQL %d.", version)) {
			t.Errorf("source: got %+v, want %+v", r.Source, wantSource)
		}
		if r.Sink.URL != "file://"+s.events() || r.Checkpoint.Place != s.checkpoint() || r.Checkpoint.Ver == "" {
			t.Errorf("sink and checkpoint: got %+v and %+v, want those of the start line", r.Sink, r.Checkpoint)
		}

		asked := s.status(t, p.admin(t))
		asked.exits(t, 0)
		for _, want := range []string{s.name + ": ready, following for ", "PostgreSQL ", "1 table\n", s.checkpoint(), "4 of 4 changes"} {
			if !strings.Contains(asked.stdout.String(), want) {
				t.Errorf("tailrace status: got\n%swant it to say %q", asked.stdout.String(), want)
			}
		}
		asJSON := s.status(t, p.admin(t), "-o", "json")
		asJSON.exits(t, 0)
		var same status.Report
		if err := json.Unmarshal([]byte(asJSON.stdout.String()), &same); err != nil || same.Changes.Published != 4 {
			t.Errorf("tailrace status -o json: got %v, %s; want what /status says", err, asJSON.stdout.String())
		}
		live := s.status(t, p.admin(t), "--live")
		live.exits(t, 0)
		if got := live.stdout.String() + live.stderr.String(); got != "" {
			t.Errorf("tailrace status --live: got %q, want nothing", got)
		}
		p.stop(t)
	})
}

func TestADaemonAnswersUntilItHasDrained(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	s.establish(t)
	b := s.block(t, append(onFree, "--drain", "1m")...)
	b.signal(t, syscall.SIGTERM)
	b.answers(t, "/livez", 200, "draining")
	b.answers(t, "/readyz", 503, "draining")
	b.answers(t, "/metrics", 200, `tailrace_phase{phase="draining"} 1`)
	address := b.admin(t)
	asked := s.status(t, address)
	asked.exits(t, 4)
	if got, want := asked.stderr.String(), "pipeline "+s.name+" is not ready: draining"; !strings.Contains(got, want) {
		t.Errorf("tailrace status: got %q, want %q", got, want)
	}
	if !strings.HasPrefix(asked.stdout.String(), s.name+": not ready, draining for ") {
		t.Errorf("tailrace status: got\n%s", asked.stdout.String())
	}
	s.status(t, address, "--live").exits(t, 0)

	seen := idsOf(t, b.rest(t))
	b.exits(t, 0)
	after := s.status(t, address)
	after.exits(t, 1)
	want := "tailrace: nobody answers at " + address + ": connect: connection refused; the daemon may not run, listen elsewhere (--admin, admin.listen), or have it off\n"
	if got := after.stderr.String(); got != want {
		t.Errorf("tailrace status of a daemon that has ended:\n got %swant %s", got, want)
	}
	again := s.follow(t, "--publish", "stdout:", "--until", "now")
	again.succeeds(t)
	wantIDs(t, append(seen, idsOf(t, again.stdout.String())...), 1, many)
}

func TestTheStatusOfNoDaemonSaysSo(t *testing.T) {
	t.Parallel()
	other, deaf, mail := web(t), greeter(t, ""), greeter(t, "220 mail.example ESMTP\r\n")
	for _, c := range []struct {
		name, address, want string
	}{
		{"the listener is off", "off", "admin.listen is off, so the daemon does not tell what it does; give an address there, and start the daemon anew"},
		{"the port was free", "127.0.0.1:0", "admin.listen has port 0, so the daemon listens on whichever was free; give the address that the daemon's log names, with --admin"},
		{"something else answers", other, "what answers at " + other + " is not tailrace run (HTTP 404 Not Found); give the address of the daemon's admin.listen with --admin"},
		{"something else hangs up", deaf, "what answers at " + deaf + " is not tailrace run (EOF); give the address of the daemon's admin.listen with --admin"},
		{"something else speaks another language", mail, "what answers at " + mail + ` is not tailrace run (net/http: HTTP/1.x transport connection broken: malformed HTTP status code "mail.example"); give the address of the daemon's admin.listen with --admin`},
		{"the address has no port", "localhost", `--admin: admin.listen: "localhost": expected host:port, :port for every address of the machine, or off`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := (&site{}).status(t, c.address)
			p.exits(t, 1)
			if got, want := p.stderr.String(), "tailrace: "+c.want+"\n"; got != want {
				t.Errorf("\n got %swant %s", got, want)
			}
		})
	}
}

// greeter is the address of a server that says one thing to whatever it is told, and
// hangs up.
func greeter(t *testing.T, greeting string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			_, _ = bufio.NewReader(conn).ReadString('\n') // it may have gone away
			_, _ = io.WriteString(conn, greeting)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// web is the address of a server of other pages.
func web(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// Everybody else may listen on all addresses; the one who asks is on the same
// machine.
func TestTheStatusOfADaemonThatListensEverywhereIsAskedForOnThisMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t, servers.Postgres(t, 18))
	p := s.follow(t, append([]string{"--admin", ":0"}, fromNow...)...)
	address, _ := p.following(t)["admin"].(string)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, patience, "the status is had", func() bool {
		return s.status(t, ":"+port).cmd.ProcessState.ExitCode() == 0
	})
	p.stop(t)
}
