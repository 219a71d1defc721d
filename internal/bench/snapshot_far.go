package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/tailrace/tailrace/internal/fault"
)

// A far server gives each connection so many bytes per second, as across a network or
// from a disk that one reader can't keep busy. More connections are for that: where
// server and daemon share two processors, one fills them.
const (
	farRate = 8 << 20
	// leastScaling is how many times as fast four connections must be as one.
	leastScaling = 3
)

// farServer is a server behind a slow network.
type farServer struct {
	filled
	proxied string
}

func (s farServer) url() string { return s.proxied }

// far copies few with several connections from a far server.
func (b *bench) far(ctx context.Context, r *report, s filled) error {
	proxy, err := fault.Listen(1)
	if err != nil {
		return err
	}
	defer func() { _ = proxy.Close() }() // nothing is on its way
	u, err := url.Parse(s.url())
	if err != nil {
		return err
	}
	proxy.To(u.Host)
	proxy.Rate(farRate)
	u.Host = proxy.Address()
	through := farServer{s, u.String()}
	rows := min(b.copied, fewRows)
	with := func(connections int, least float64) program {
		name := fmt.Sprintf("`snapshot.connections: %d`", connections)
		return program{name, least, func(ctx context.Context) (usage, error) {
			return b.copy(ctx, through, "few", "discard:", connections, rows)
		}}
	}
	title := fmt.Sprintf("First copy of %d rows into `discard:` from a server that gives each connection %d MiB/s", rows, farRate>>20)
	c, err := b.race(ctx, title, rows, with(4, 0), with(2, 0), with(1, leastScaling))
	if err != nil {
		return err
	}
	r.courses = append(r.courses, c)
	return nil
}
