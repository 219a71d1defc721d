package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// An owner answers GET /postgres/{version} with the local.Address of a server
// that it starts on the first request for that version.
type owner struct {
	url  string
	http http.Server
	wg   sync.WaitGroup // the goroutine that serves

	shared map[int]*shared // one per known version; the map never changes
}

// A shared server serves all tests of a run.
type shared struct {
	mu     sync.Mutex // held while it starts
	server *local.Postgres
	closed bool
}

// listen starts to answer on a loopback port. Servers are started under ctx.
func listen(ctx context.Context) (*owner, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	o := &owner{url: "http://" + listener.Addr().String(), shared: map[int]*shared{}}
	for _, version := range local.Versions() {
		o.shared[version] = &shared{}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /postgres/{version}", func(w http.ResponseWriter, r *http.Request) {
		// Not the request's context: the next test gets the server that this
		// one, which may give up, has asked for.
		o.answer(ctx, w, r.PathValue("version"))
	})
	o.http.Handler = mux
	o.wg.Go(func() { _ = o.http.Serve(listener) }) // ends with close
	return o, nil
}

func (o *owner) answer(ctx context.Context, w http.ResponseWriter, version string) {
	address, err := o.postgres(ctx, version)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that went away while it waited needs no answer.
	_ = json.NewEncoder(w).Encode(address)
}

// postgres returns where the shared server of a version is. A start that failed
// is tried again by the next request.
func (o *owner) postgres(ctx context.Context, version string) (local.Address, error) {
	number, err := strconv.Atoi(version)
	if err != nil {
		return local.Address{}, fmt.Errorf("read the version: %w", err)
	}
	s, known := o.shared[number]
	if !known {
		return local.Address{}, fmt.Errorf("find Postgres %d: only %v are known", number, local.Versions())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return local.Address{}, errors.New("the owner is closing")
	}
	if s.server == nil {
		if s.server, err = local.Start(ctx, number, nil); err != nil {
			return local.Address{}, err
		}
	}
	return s.server.Address, nil
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
