package servers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A MySQLPool lends servers to the tests of one package: most tests that want a
// server for themselves leave nothing behind that could not be cleared, and a start
// costs two seconds of a processor. The zero value is ready; its methods may be
// called from any goroutine. What is idle at the end goes away with the test's process.
type MySQLPool struct {
	mu   sync.Mutex
	idle []*lent // the one that was given back last is the last
}

// mostIdle is how many servers wait for another test: each has half a gigabyte.
const mostIdle = 8

// A lent server is in the hands of one test, or idle and as it was at its start.
type lent struct {
	*local.MySQL
	settings string
	first    mysqlState
}

// Server is NewMySQL, but for the time it takes. The server has been with other tests
// only if they left it as one that was just started: without databases, users and
// clients of theirs, with its log begun anew, and with every variable as it was.
func (p *MySQLPool) Server(t testing.TB, product local.Product, settings map[string]string) *MySQLServer {
	t.Helper()
	s := p.take(product, settings)
	if s == nil {
		ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
		defer cancel()
		var err error
		if s, err = lend(ctx, product, settings); err != nil {
			t.Fatalf("start a server: %v", err)
		}
	}
	t.Cleanup(func() {
		if err := p.back(s, t.Failed()); err != nil {
			t.Errorf("close the server: %v", err)
		}
	})
	return &MySQLServer{s.MySQLAddress, controls{s.MySQL}}
}

// lend starts a server.
func lend(ctx context.Context, product local.Product, settings map[string]string) (*lent, error) {
	m, err := local.StartMySQL(ctx, product, settings)
	if err != nil {
		return nil, err
	}
	first, err := stateOf(ctx, m.MySQLAddress)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &lent{m, fmt.Sprint(settings), first}, nil
}

// take returns an idle server of the product with just these settings, or nil.
func (p *MySQLPool) take(product local.Product, settings map[string]string) *lent {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, s := range p.idle {
		if s.Product == product && s.settings == fmt.Sprint(settings) {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return s
		}
	}
	return nil
}

// back keeps a server that can be cleared, and closes any other: one that was
// stopped, one whose variables were set, one of a test that failed.
func (p *MySQLPool) back(s *lent, failed bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if failed || clearMySQL(ctx, s.MySQLAddress, s.first) != nil {
		return s.Close()
	}
	p.mu.Lock()
	p.idle = append(p.idle, s)
	var oldest *lent
	if len(p.idle) > mostIdle {
		oldest, p.idle = p.idle[0], p.idle[1:]
	}
	p.mu.Unlock()
	if oldest == nil {
		return nil
	}
	return oldest.Close()
}
