package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// An owner answers GET /postgres/{version} with the local.Address, GET
// /mysql/{product} with the local.MySQLAddress, GET /kafka with the
// local.KafkaAddress, and GET /kinesis/{product} with the local.KinesisAddress, of a
// server that it starts on the first request for it.
type owner struct {
	url  string
	http http.Server
	wg   sync.WaitGroup // the goroutine that serves

	shared map[string]*shared // by path; the map never changes
}

// A shared server serves all tests of a run.
type shared struct {
	// start starts it and returns its address.
	start func(context.Context) (address any, server io.Closer, err error)

	mu      sync.Mutex // held while it starts
	address any
	server  io.Closer
	closed  bool
}

// known returns the servers that can be asked for.
func known() map[string]*shared {
	all := map[string]*shared{}
	for _, version := range local.Versions() {
		all[fmt.Sprintf("/postgres/%d", version)] = &shared{start: func(ctx context.Context) (any, io.Closer, error) {
			server, err := local.Start(ctx, version, nil)
			if err != nil {
				return nil, nil, err
			}
			return server.Address, server, nil
		}}
	}
	for _, product := range local.MySQLProducts() {
		all["/mysql/"+string(product)] = &shared{start: func(ctx context.Context) (any, io.Closer, error) {
			server, err := local.StartMySQL(ctx, product, nil)
			if err != nil {
				return nil, nil, err
			}
			return server.MySQLAddress, server, nil
		}}
	}
	all["/kafka"] = &shared{start: func(ctx context.Context) (any, io.Closer, error) {
		server, err := local.StartKafka(ctx, local.KafkaOptions{Steady: true})
		if err != nil {
			return nil, nil, err
		}
		return server.KafkaAddress, server, nil
	}}
	for _, product := range local.KinesisProducts() {
		all["/kinesis/"+string(product)] = &shared{start: func(ctx context.Context) (any, io.Closer, error) {
			server, err := local.StartKinesis(ctx, product)
			if err != nil {
				return nil, nil, err
			}
			return server.KinesisAddress, server, nil
		}}
	}
	return all
}

// listen starts to answer on a loopback port. Servers are started under ctx.
func listen(ctx context.Context) (*owner, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	o := &owner{url: "http://" + listener.Addr().String(), shared: known()}
	mux := http.NewServeMux()
	for path, s := range o.shared {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			// Not the request's context: the next test gets the server that this
			// one, which may give up, has asked for.
			s.answer(ctx, w)
		})
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		paths := slices.Sorted(maps.Keys(o.shared))
		http.Error(w, fmt.Sprintf("find %s: only %v are known", r.URL.Path, paths), http.StatusNotFound)
	})
	o.http.Handler = mux
	o.wg.Go(func() { _ = o.http.Serve(listener) }) // ends with close
	return o, nil
}

func (s *shared) answer(ctx context.Context, w http.ResponseWriter) {
	address, err := s.started(ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that went away while it waited needs no answer.
	_ = json.NewEncoder(w).Encode(address)
}

// started returns where the server is. A start that failed is tried again by the
// next request.
func (s *shared) started(ctx context.Context) (address any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the owner is closing")
	}
	if s.server == nil {
		if s.address, s.server, err = s.start(ctx); err != nil {
			return nil, err
		}
	}
	return s.address, nil
}

// close stops answering and removes the servers. A start under way must have
// been cancelled.
func (o *owner) close() error {
	err := o.http.Close()
	o.wg.Wait()
	for _, s := range o.shared {
		s.mu.Lock()
		s.closed = true
		if s.server != nil {
			err = errors.Join(err, s.server.Close())
		}
		s.mu.Unlock()
	}
	return err
}
