package main_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
)

// load starts to insert rows with rising ids, one per transaction, until it is
// ended. It connects again when the server went away.
func (s *mysqlSite) load(t *testing.T) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop, make(chan int, 1)}
	go func() {
		id := 0
		for ctx.Err() == nil {
			_ = s.insertUntil(ctx, &id) // the server went away, or ctx ended
		}
		l.last <- id
	}()
	t.Cleanup(stop)
	return l
}

func (s *mysqlSite) insertUntil(ctx context.Context, id *int) error {
	conn, err := s.db.Server.Connect(ctx, s.db.Name)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// After a lost connection nobody knows whether the last row was committed.
	result, err := conn.Execute("SELECT max(id) FROM orders")
	if err != nil {
		return err
	}
	text, err := result.GetString(0, 0)
	if err != nil {
		return err
	}
	if *id, err = strconv.Atoi(text); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if _, err := conn.Execute(fmt.Sprintf("INSERT INTO orders VALUES (%d, '%s')", *id+1, rowValue)); err != nil {
			return err
		}
		*id++
	}
	return nil
}
