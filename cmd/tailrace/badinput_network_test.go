package main_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// nowhere is a site whose source is url, with nothing behind it that could
// change.
func nowhere(t *testing.T, url string) *site {
	t.Helper()
	s := &site{folder: t.TempDir(), config: "tailrace.yaml"}
	s.env = map[string]string{
		"PIPELINE": "nowhere", "FOLDER": s.folder, "TAILRACE_SOURCE": url,
		"DB_USER": "user", "DB_PASSWORD": password, "DB_PORT": "1", "DB_NAME": "db",
	}
	return s
}

// Each of these is tried for 30 seconds, in case it is a server that starts.
func TestAHostWithoutAPostgresIsRefusedAfterAWhile(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for _, c := range []struct {
		name, host, want string
	}{
		// A name with an empty part is unknown without asking a name server.
		{"the host is unknown", "database..internal", `no connection within 30s: check the source: hostname resolving error: lookup database..internal: no such host; check host, port, network and credentials`},
		{"nothing listens", "127.0.0.1:1", `no connection within 30s: check the source: HOST:PORT (127.0.0.1): dial error: dial tcp HOST:PORT: connect: connection refused; check host, port, network and credentials`},
		{"what listens speaks HTTP", strings.TrimPrefix(web.URL, "http://"), `no connection within 30s: check the source: nothing that answers as Postgres does was met at HOST:PORT within 10s; check host, port, network and credentials`},
		{"what listens says nothing", silent.Addr().String(), `no connection within 30s: check the source: nothing that answers as Postgres does was met at HOST:PORT within 10s; check host, port, network and credentials`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := nowhere(t, "postgres://user:"+password+"@"+c.host+"/db?sslmode=disable")
			refuse(t, refusal{args: fromNow, code: 4, want: c.want}, s)
		})
	}
}
