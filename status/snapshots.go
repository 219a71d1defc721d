package status

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
)

// Copies are the copies of tables that a pipeline makes. Any goroutine may use them.
type Copies interface {
	Ask(ctx context.Context, tables []string, where string) ([]snapshot.Entry, error)
	List() []snapshot.Entry
	Cancel(ctx context.Context, id uint64) error
	Progress() snapshot.Progress
}

var _ Copies = (*snapshot.Copies)(nil)

// AskTime is how long a request for copies may take: the checkpoint holds it before it
// is answered.
const AskTime = 30 * time.Second

const maxAsk = 64 << 10 // bytes of a request

// A SnapshotPage is the document of /snapshots.
type SnapshotPage struct {
	Progress Snapshot         `json:"progress"`
	Copies   []snapshot.Entry `json:"copies"` // under way and ended, the oldest first
}

// A SnapshotAsked is the answer to a request that was taken.
type SnapshotAsked struct {
	Copies []snapshot.Entry `json:"copies"`
}

// A SnapshotAsk is the body of a request for copies.
type SnapshotAsk struct {
	Tables []string `json:"tables"`
	Where  string   `json:"where,omitempty"`
}

// A SnapshotError is the answer to a request that was refused.
type SnapshotError struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// snapshots adds the pages of copies to mux.
func (s *Server) snapshots(mux *http.ServeMux) {
	mux.HandleFunc("GET /snapshots", func(w http.ResponseWriter, _ *http.Request) {
		page := SnapshotPage{Copies: []snapshot.Entry{}}
		if s.c.Copies != nil {
			page.Progress, page.Copies = snapshotOf(s.c.Copies.Progress()), append(page.Copies, s.c.Copies.List()...)
		}
		writeJSON(w, http.StatusOK, page)
	})
	mux.HandleFunc("POST /snapshots", s.changing(func(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return failure.Usage("send it with Content-Type: application/json", "a request for copies is JSON")
		}
		var ask SnapshotAsk
		in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsk))
		in.DisallowUnknownFields()
		if in.Decode(&ask) != nil || in.More() {
			return failure.Usage(`send {"tables": ["public.orders"], "where": "…"}, of 64 KiB at most`, "the request for copies can't be read")
		}
		if len(ask.Tables) == 0 {
			return failure.Usage("name them in tables, as public.orders or shop.*", "the request for copies names no tables")
		}
		asked, err := s.c.Copies.Ask(ctx, ask.Tables, ask.Where)
		if err == nil {
			writeJSON(w, http.StatusAccepted, SnapshotAsked{append([]snapshot.Entry{}, asked...)})
		}
		return err
	}))
	mux.HandleFunc("DELETE /snapshots/{id}", s.changing(func(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
		if err != nil {
			return failure.Usage("take the number that tailrace snapshot list shows", "a copy is named by its number")
		}
		if err := s.c.Copies.Cancel(ctx, id); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
}

// changing is the handler of a request that changes something: only who may is
// heard, and what do returns is told.
func (s *Server) changing(do func(ctx context.Context, w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !s.c.AskedAnywhere && !isLocal(r):
			writeJSON(w, http.StatusForbidden, SnapshotError{
				"copies are asked for and cancelled from this machine only",
				"run tailrace snapshot where the daemon runs (kubectl exec, or kubectl port-forward), or set admin.snapshots: anywhere",
			})
			return
		case new(http.CrossOriginProtection).Check(r) != nil: // a page in somebody's browser
			writeJSON(w, http.StatusForbidden, SnapshotError{Error: "a page of another origin may not ask"})
			return
		case s.c.Copies == nil:
			writeJSON(w, http.StatusConflict, SnapshotError{Error: "this pipeline makes no copies"})
			return
		}
		// The checkpoint holds what was asked for before it is answered, which may
		// take longer than a page.
		ctx, cancel := context.WithTimeout(r.Context(), AskTime)
		defer cancel()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(AskTime + requestTime)) // every connection of net/http has one
		err := do(ctx, w, r)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			writeJSON(w, http.StatusServiceUnavailable, SnapshotError{
				"the checkpoint was not saved within " + Span(AskTime), "see with tailrace snapshot list whether it was taken, and with tailrace status what holds the pipeline up",
			})
		default:
			what, hint := failure.Split(err)
			writeJSON(w, codeOf(err), SnapshotError{what, hint})
		}
	}
}

// codeOf tells a request that is wrong from one that could be answered later.
func codeOf(err error) int {
	var stop *failure.StopError
	switch {
	case !errors.As(err, &stop):
		return http.StatusServiceUnavailable
	case stop.Code == failure.ExitUsage:
		return http.StatusBadRequest
	}
	return http.StatusConflict
}

// isLocal reports whether a request was made on this machine, and not by a page in a
// browser on it whose name was made to lead here.
func isLocal(r *http.Request) bool {
	from := ipOf(r.RemoteAddr)
	if from == nil {
		return false
	}
	if from.IsLoopback() {
		return isLoopback(r.Host)
	}
	at, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return at != nil && at.IP.Equal(from) && from.Equal(ipOf(r.Host))
}

// ipOf returns the address in host:port, nil if there is a name.
func ipOf(address string) net.IP {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	return net.ParseIP(host)
}

// writeJSON writes one document. Errors are of a client that went away.
func writeJSON(w http.ResponseWriter, code int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	_ = out.Encode(document)
}

// A Snapshot says how far the copies of tables are.
type Snapshot struct {
	Active        bool     `json:"active"` // something is to be copied
	Tables        int      `json:"tables"`
	TablesDone    int      `json:"tables_done"`
	Rows          int64    `json:"rows"`
	RowsEstimate  int64    `json:"rows_estimate"` // of all tables, by the server's statistics
	RowsPerSecond float64  `json:"rows_per_second"`
	LeftSeconds   *float64 `json:"left_seconds,omitempty"`
	WaitsFor      string   `json:"waits_for,omitempty"`
}

func snapshotOf(p snapshot.Progress) Snapshot {
	s := Snapshot{
		Active: p.Active, Tables: p.Tables, TablesDone: p.Done,
		Rows: p.Rows, RowsEstimate: p.Estimate, RowsPerSecond: p.PerSec, WaitsFor: p.Waits,
	}
	if p.Left > 0 {
		left := p.Left.Seconds()
		s.LeftSeconds = &left
	}
	return s
}
