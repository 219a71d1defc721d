package status

import (
	"io"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

const index = `Tailrace
/livez    200 unless only a restart helps
/readyz   200 while the log is followed, its server has the saved place, and sink and checkpoint answer
/status   what it does, as JSON
/metrics  for Prometheus
/snapshots  copies of tables, as JSON; asked for with POST, cancelled with DELETE /snapshots/ID
`

// limits of a request: nobody sends more than a few headers, or reads more than
// some pages.
const (
	maxHeader   = 8 << 10
	requestTime = 10 * time.Second
	maxScrapes  = 4 // at once
)

func newHTTP(pages http.Handler, log *zap.Logger) *http.Server {
	return &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: requestTime / 2,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          warner(log),
	}
}

// warner is log for net/http.
func warner(log *zap.Logger) *stdlog.Logger {
	l, err := zap.NewStdLogAt(log, zap.WarnLevel)
	if err != nil {
		panic("status: " + err.Error())
	}
	return l
}

// pages are what is served at address: to GET and HEAD only, but for copies of tables.
func (s *Server) pages(address net.Addr) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, index) })
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		v := s.view(time.Now())
		code := http.StatusOK
		if v.stuck() != "" {
			code = http.StatusServiceUnavailable
		}
		text(w, code, v.page(v.doing()))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		v := s.view(time.Now())
		if why := v.unready(); why != "" {
			text(w, http.StatusServiceUnavailable, v.page(why))
			return
		}
		text(w, http.StatusOK, v.page("ready"))
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.report(time.Now()))
	})
	s.snapshots(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(s.c.Version, s.view), promhttp.HandlerOpts{
		ErrorLog: warner(s.c.Log), MaxRequestsInFlight: maxScrapes,
	}))
	return guard(address, mux)
}

// guard refuses what no monitor sends to an address.
func guard(at net.Addr, next http.Handler) http.Handler {
	address, _ := at.(*net.TCPAddr)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page in somebody's browser that has its own name lead to this machine
		// would read what is meant for this machine.
		if address != nil && address.IP.IsLoopback() && !isLoopback(r.Host) {
			text(w, http.StatusForbidden, "only for this machine: ask by 127.0.0.1 or localhost\n")
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "" || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// text writes one short page. Errors are of a client that went away.
func text(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}
