package main

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/replay"
	"github.com/tailrace/tailrace/internal/shop"
)

// A demoDatabase is the running database of a demo. The guard ends the server.
type demoDatabase struct {
	url     string // as the pipeline connects
	shop    *shop.Database
	compare func(ctx context.Context, events *replay.Tables, names []string) ([]replay.Result, error)
	close   func()
}

// openDatabase starts the database of the given kind in the folder own.
func openDatabase(ctx context.Context, kind, own, cache string, screen *console.Screen) (*demoDatabase, error) {
	if kind == config.SourcePostgres {
		return openPostgres(ctx, own, cache, screen)
	}
	return openMySQL(ctx, kind == config.SourceMariaDB, own, cache, screen)
}

// errBeforeBegin ends a demo that was stopped before there was anything to see.
var errBeforeBegin = failure.Stop("run it again", "the demo was stopped before it began")

// freePort returns a port that nobody listens on. It lies below those that
// outgoing connections are given.
func freePort() (uint32, error) {
	const low, high = 20000, 32000
	for range 100 {
		port := low + mathrand.IntN(high-low)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return uint32(port), l.Close()
		}
	}
	return 0, errors.New("find a free port: none of 100 was free")
}
