package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
	"github.com/tailrace/tailrace/status"
)

// copies answer what a test says.
type copies struct {
	entries  []snapshot.Entry
	progress snapshot.Progress
	err      error // of Ask and Cancel

	mu        sync.Mutex
	tables    []string // that were asked for last
	where     string
	cancelled []uint64
}

var _ status.Copies = (*copies)(nil)

func (c *copies) Ask(_ context.Context, tables []string, where string) ([]snapshot.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables, c.where = tables, where
	if c.err != nil {
		return nil, c.err
	}
	return c.entries, nil
}

func (c *copies) List() []snapshot.Entry { return c.entries }

func (c *copies) Cancel(_ context.Context, id uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelled = append(c.cancelled, id)
	return c.err
}

func (c *copies) Progress() snapshot.Progress { return c.progress }

// halfway are copies that are under way and wait.
func halfway() *copies {
	return &copies{
		progress: snapshot.Progress{
			Active: true, Tables: 10, Done: 3, Rows: 500, Estimate: 2000, PerSec: 16.5, Left: 90 * time.Second, Waits: "the replica, which is 12s behind",
		},
		entries: []snapshot.Entry{
			{Table: "public.items", Status: snapshot.Copying, Rows: 500, Estimate: 1500},
			{ID: 7, Table: "public.orders", Where: "total < 5 && note <> ''", Status: snapshot.Waiting, Why: "its turn", Estimate: 500},
		},
	}
}

// copying is what changes a Config so that the pipeline makes these copies.
func copying(c *copies) func(*status.Config) {
	return func(config *status.Config) { config.Copies = c }
}

// An asked is a request and what came of it.
type asked struct {
	method, path, kind, body string
	host                     string            // "" for the address that is asked
	headers                  map[string]string // beside the type

	code int
	text string
}

func (a asked) of(t *testing.T, s *status.Server) asked {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), a.method, "http://"+dialable(s)+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if a.kind != "" {
		request.Header.Set("Content-Type", a.kind)
	}
	for name, value := range a.headers {
		request.Header.Set(name, value)
	}
	request.Host = a.host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.code, a.text = response.StatusCode, string(text)
	return a
}

func TestCopiesAreListed(t *testing.T) {
	c := halfway()
	code, text := get(t, serve(t, following(), copying(c)), "/snapshots")
	var got status.SnapshotPage
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
		t.Fatalf("got %d: %v: %s", code, err, text)
	}
	if !reflect.DeepEqual(got.Copies, c.entries) {
		t.Errorf("copies: got %+v, want %+v", got.Copies, c.entries)
	}
	if got.Progress.Tables != 10 || got.Progress.TablesDone != 3 || got.Progress.LeftSeconds == nil || *got.Progress.LeftSeconds != 90 {
		t.Errorf("progress: got %+v, want 3 of 10 tables and 90 seconds left", got.Progress)
	}
	if !strings.Contains(text, "total < 5 && note") {
		t.Errorf("got %s, want SQL as it was written", text)
	}
	_, text = get(t, serve(t, following()), "/snapshots")
	if !strings.Contains(text, `"copies": []`) {
		t.Errorf("of a pipeline that makes none: got %s, want an empty list", text)
	}
}

func TestACopyIsAskedForAndCancelled(t *testing.T) {
	c := halfway()
	s := serve(t, following(), copying(c))
	got := asked{method: "POST", path: "/snapshots", kind: "application/json; charset=utf-8", body: `{"tables":["public.orders","shop.*"],"where":"id > 5"}`}.of(t, s)
	var answer status.SnapshotAsked
	if err := json.Unmarshal([]byte(got.text), &answer); err != nil || got.code != http.StatusAccepted {
		t.Fatalf("got %d: %v: %s, want 202", got.code, err, got.text)
	}
	if !reflect.DeepEqual(answer.Copies, c.entries) {
		t.Errorf("copies: got %+v, want %+v", answer.Copies, c.entries)
	}
	if !slices.Equal(c.tables, []string{"public.orders", "shop.*"}) || c.where != "id > 5" {
		t.Errorf("asked for: got %q where %q", c.tables, c.where)
	}
	if got := (asked{method: "DELETE", path: "/snapshots/7"}).of(t, s); got.code != http.StatusNoContent || got.text != "" {
		t.Errorf("cancel: got %d: %s, want 204", got.code, got.text)
	}
	if !slices.Equal(c.cancelled, []uint64{7}) {
		t.Errorf("cancelled: got %v, want copy 7", c.cancelled)
	}
}

func TestARequestForCopiesThatIsWrongIsToldWhy(t *testing.T) {
	const good = `{"tables":["a.b"]}`
	const json = "application/json"
	for _, c := range []struct {
		name    string
		request asked
		err     error
		code    int
		want    string
	}{
		{
			"a form, as any page in a browser could send it",
			asked{kind: "application/x-www-form-urlencoded", body: good},
			nil, 400, "a request for copies is JSON; send it with Content-Type: application/json",
		},
		{"no type", asked{body: good}, nil, 400, "a request for copies is JSON; send it with Content-Type: application/json"},
		{"no JSON", asked{kind: json, body: `tables: a.b`}, nil, 400, `the request for copies can't be read; send {"tables": ["public.orders"], "where": "…"}, of 64 KiB at most`},
		{"a key that is misspelt", asked{kind: json, body: `{"table":["a.b"]}`}, nil, 400, `the request for copies can't be read; send {"tables": ["public.orders"], "where": "…"}, of 64 KiB at most`},
		{"two documents", asked{kind: json, body: good + good}, nil, 400, `the request for copies can't be read; send {"tables": ["public.orders"], "where": "…"}, of 64 KiB at most`},
		{"too much", asked{kind: json, body: `{"where":"` + strings.Repeat("x", 65<<10) + `"}`}, nil, 400, `the request for copies can't be read; send {"tables": ["public.orders"], "where": "…"}, of 64 KiB at most`},
		{"no tables", asked{kind: json, body: `{"where":"true"}`}, nil, 400, "the request for copies names no tables; name them in tables, as public.orders or shop.*"},
		{"a table that is not captured", asked{kind: json, body: good}, failure.Usage("name another one", "a.b is not captured"), 400, "a.b is not captured; name another one"},
		{"a stream that is not followed", asked{kind: json, body: good}, failure.Stop("wait", "no stream is followed"), 409, "no stream is followed; wait"},
		{"a server that is away", asked{kind: json, body: good}, failure.Retry(errors.New("connection refused")), 503, "connection refused"},
		{"a number that is none", asked{method: "DELETE", path: "/snapshots/first"}, nil, 400, "a copy is named by its number; take the number that tailrace snapshot list shows"},
		{"a copy that is not there", asked{method: "DELETE", path: "/snapshots/8"}, failure.Usage("", "there is no copy 8"), 400, "there is no copy 8"},
		{"a page of another origin", asked{kind: json, body: good, headers: map[string]string{"Sec-Fetch-Site": "cross-site"}}, nil, 403, "a page of another origin may not ask"},
		{
			"a page whose name was made to lead here",
			asked{kind: json, body: good, host: "evil.example"},
			nil, 403,
			"copies are asked for and cancelled from this machine only; run tailrace snapshot where the daemon runs (kubectl exec, or kubectl port-forward), or set admin.snapshots: anywhere",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := halfway()
			made.err = c.err
			s := serve(t, following(), copying(made), func(c *status.Config) { c.Listen = ":0" })
			if c.request.method == "" {
				c.request.method, c.request.path = "POST", "/snapshots"
			}
			got := c.request.of(t, s)
			if got.code != c.code || refusal(t, got.text) != c.want {
				t.Errorf("got  %d %s\nwant %d %s", got.code, refusal(t, got.text), c.code, c.want)
			}
			if c.err == nil && (made.tables != nil || made.cancelled != nil) {
				t.Errorf("it was passed on: %q, %v", made.tables, made.cancelled)
			}
		})
	}
	t.Run("a pipeline that makes none", func(t *testing.T) {
		got := asked{method: "POST", path: "/snapshots", kind: json, body: good}.of(t, serve(t, following()))
		if want := "this pipeline makes no copies"; got.code != 409 || refusal(t, got.text) != want {
			t.Errorf("got %d %s, want 409 %s", got.code, got.text, want)
		}
	})
}

func refusal(t *testing.T, text string) string {
	t.Helper()
	var e status.SnapshotError
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("the answer is no refusal: %v: %s", err, text)
	}
	if e.Hint != "" {
		e.Error += "; " + e.Hint
	}
	return e.Error
}

// Whoever asks by an address of this machine is on it; who asks from elsewhere is
// heard only where that was allowed.
func TestFromElsewhereCopiesAreAskedForOnlyIfThatIsAllowed(t *testing.T) {
	outer := outerAddress(t)
	for _, c := range []struct {
		name     string
		anywhere bool
		host     string
		want     int
	}{
		{"this machine, by its address", false, "", 202},
		{"a name that leads to this machine", false, "evil.example", 403},
		{"anybody, where that is allowed", true, "db.internal", 202},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, following(), copying(halfway()), func(config *status.Config) {
				config.Listen, config.AskedAnywhere = net.JoinHostPort(outer, "0"), c.anywhere
			})
			request, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.Addr()+"/snapshots", strings.NewReader(`{"tables":["a.b"]}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Host = c.host
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != c.want {
				t.Errorf("got %d, want %d", response.StatusCode, c.want)
			}
		})
	}
}

// outerAddress is an address of this machine that is no loopback.
func outerAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

func TestWhatIsCopiedIsWhatThePipelineDoes(t *testing.T) {
	for _, c := range []struct {
		name     string
		progress snapshot.Progress
		want     string
	}{
		{"copies are made", snapshot.Progress{Active: true, Tables: 2, Done: 1}, "copying tables, 1 of 2 done"},
		{"copies wait", snapshot.Progress{Active: true, Tables: 2, Waits: "pid 7"}, "copying tables, 0 of 2 done, waits for pid 7"},
		{"copies were made", snapshot.Progress{Tables: 2, Done: 2}, "idle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, following(), copying(&copies{progress: c.progress}))
			if code, got := get(t, s, "/livez"); code != http.StatusOK || got != c.want+"\n" {
				t.Errorf("/livez: got %d %q, want 200 %q", code, got, c.want)
			}
			if code, got := get(t, s, "/readyz"); code != http.StatusOK || got != "ready\n" {
				t.Errorf("/readyz: got %d %q, want 200, as it follows", code, got)
			}
		})
	}
}
