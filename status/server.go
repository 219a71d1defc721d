package status

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// A Config says what a Server tells of. All of it but Listen and Work may be
// left out.
type Config struct {
	Listen     string // host:port
	Version    string // of Tailrace
	Pipeline   string
	Sink       string // where events go, without a secret
	Checkpoint string // where it is kept, without a secret
	Limit      int64  // on the bytes that the pipeline holds

	Work     func(now time.Time) Work   // what the pipeline does: Of
	Describe func() capture.Description // its source; zero before that is known
	Gauge    capture.Gauge              // of its source, closed by Close
	Every    time.Duration              // between questions to Gauge; 0: 10 s

	Log *zap.Logger
}

// A Server tells what one pipeline does. It works beside the pipeline until
// Close: also while that starts, waits and drains.
type Server struct {
	c        Config
	started  time.Time
	watcher  *watcher
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Start listens and serves. The error is of the class Usage: the address can't
// be had.
func Start(c Config) (*Server, error) {
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, cantListen(c.Listen, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{c: c, started: time.Now(), listener: listener, stop: stop}
	s.http = newHTTP(s.pages(), c.Log)
	if c.Gauge != nil {
		s.watcher = &watcher{gauge: c.Gauge, work: c.Work, every: c.Every, log: c.Log}
		s.running.Go(func() { s.watcher.run(ctx) })
	}
	s.running.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("metrics and health are served no longer", zap.Error(err))
		}
	})
	c.Log.Info("serving metrics and health", zap.String("address", s.Addr()))
	return s, nil
}

// Addr returns the address that is listened on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close answers what has been asked, for a moment, and ends the Server.
func (s *Server) Close() {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // some client is slow
	}
	s.running.Wait()
}

// view is what is known now.
func (s *Server) view(now time.Time) *view {
	v := &view{Work: s.c.Work(now), limit: s.c.Limit, now: now}
	if v.Doing.Since.IsZero() {
		v.Doing.Since = s.started
	}
	if s.watcher != nil {
		v.log = s.watcher.look()
	}
	return v
}

// report adds to a view's what does not change.
func (s *Server) report(now time.Time) Report {
	r := s.view(now).report()
	r.Version, r.Pipeline, r.Sink.URL, r.Checkpoint.Place = s.c.Version, s.c.Pipeline, s.c.Sink, s.c.Checkpoint
	r.UptimeSeconds = now.Sub(s.started).Seconds()
	if s.c.Describe != nil {
		d := s.c.Describe()
		r.Source = Source{d.Server, d.Version, len(d.Tables)}
	}
	return r
}

func cantListen(address string, err error) error {
	var number syscall.Errno
	switch errors.As(err, &number); number {
	case syscall.EADDRINUSE:
		return failure.Usage("another Tailrace may run on this machine; give this one an address of its own with --admin, or off",
			"admin.listen: %s is taken", address)
	case 0:
		return failure.Usage("give another address with --admin, or off", "admin.listen: %s: %v", address, err)
	}
	return failure.Usage("give another address with --admin, or off", "admin.listen: %s can't be listened on: %v", address, number)
}
