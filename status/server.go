package status

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// A Config says what a Server tells of. All of it but Work may be left out.
type Config struct {
	Listen     string // host:port; "" for no pages
	Version    string // of Tailrace
	Pipeline   string
	Sink       string // where events go, without a secret
	Checkpoint string // where it is kept, without a secret
	Limit      int64  // on the bytes that the pipeline holds

	Work     func(now time.Time) Work   // what the pipeline does: Of
	Describe func() capture.Description // its source; zero before that is known
	Gauge    capture.Gauge              // of its source, closed by Close
	Every    time.Duration              // between questions to Gauge; 0: 10 s

	// Copies are those of tables, nil if the pipeline makes none. They may be asked for
	// and cancelled from this machine, or with AskedAnywhere by whoever can connect.
	Copies        Copies
	AskedAnywhere bool

	// GiveUp is told, on another goroutine and at most once, that Listen is still
	// taken after Patience: an error of the class Usage. Without it Start does not
	// wait. Patience is 20 s if it is 0: longer than a second instance of a pipeline
	// takes to find out that there is another one, which ends it with an exit code
	// that says so.
	GiveUp   func(error)
	Patience time.Duration

	// EMF gets a line of numbers each minute and one with Close, for CloudWatch. One
	// that is slow misses lines. Close waits for it for a moment, and may leave a
	// Write behind that does not return.
	EMF io.Writer

	Log *zap.Logger
}

// A Server tells what one pipeline does. It works beside the pipeline until
// Close: also while that starts, waits and drains.
type Server struct {
	c       Config
	started time.Time
	watcher *watcher
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	failed  atomic.Bool // End was told of an error
	running sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while the address is taken
	http     *http.Server
}

// again is the time between attempts to have an address that is taken.
const again = time.Second

// Start listens and serves, as far as c says so. The error is of the class Usage:
// the address can't be had. With GiveUp, one that is taken is waited for: it is a
// predecessor's that ends, or a rival's, and of those the checkpoint has to tell.
func Start(c Config) (*Server, error) {
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 20 * time.Second
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	s := &Server{c: c, started: time.Now()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if c.Gauge != nil {
		s.watcher = &watcher{gauge: c.Gauge, work: c.Work, every: c.Every, log: c.Log}
	}
	if c.Listen != "" {
		if err := s.listen(); err != nil {
			s.stop()
			return nil, err
		}
	}
	if s.watcher != nil {
		s.running.Go(func() { s.watcher.run(s.ctx) })
	}
	if c.EMF != nil {
		e := &emitter{out: c.EMF, pipeline: c.Pipeline, version: c.Version, look: s.view, failed: s.failed.Load, log: c.Log}
		s.running.Go(func() { e.run(s.ctx) })
	}
	return s, nil
}

// listen serves, or waits until it can.
func (s *Server) listen() error {
	listener, err := net.Listen("tcp", s.c.Listen)
	switch {
	case err == nil:
		s.serve(listener)
	case s.c.GiveUp == nil || !errors.Is(err, syscall.EADDRINUSE):
		return CantListen(s.c.Listen, err)
	default:
		s.c.Log.Warn("the admin address is taken, and waited for", zap.String("address", s.c.Listen))
		s.running.Go(s.insist)
	}
	return nil
}

// insist tries to have an address that is taken.
func (s *Server) insist() {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		listener, err := net.Listen("tcp", s.c.Listen)
		if err == nil {
			s.serve(listener)
			return
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Since(s.started) >= s.c.Patience {
			s.c.GiveUp(CantListen(s.c.Listen, err))
			return
		}
	}
}

// serve answers at a listener until Close.
func (s *Server) serve(listener net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		_ = listener.Close() // nobody has been answered
		return
	}
	s.listener, s.http = listener, newHTTP(s.pages(listener.Addr()), s.c.Log)
	server := s.http
	s.running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.c.Log.Error("metrics and health are served no longer", zap.Error(err))
		}
	})
	s.c.Log.Debug("serving metrics and health", zap.String("address", listener.Addr().String()))
}

// Addr returns the address that is listened on, or that is waited for, "" for none.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return s.c.Listen
	}
	return s.listener.Addr().String()
}

// End says, before Close, by which error the process ends, nil if by none: the last
// line of EMF tells whether there was one.
func (s *Server) End(err error) {
	s.failed.Store(err != nil)
}

// Close answers what has been asked, for a moment, and ends the Server.
func (s *Server) Close() {
	s.mu.Lock()
	s.stop()
	server := s.http
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server != nil && server.Shutdown(ctx) != nil {
		_ = server.Close() // some client is slow
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
	if s.c.Copies != nil {
		p := s.c.Copies.Progress()
		v.copies = &p
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

// CantListen is the error, of the class Usage, for an address that Start can't have.
// `tailrace check` says it too.
func CantListen(address string, err error) error {
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
