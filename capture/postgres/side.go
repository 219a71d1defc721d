package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// side is the ordinary connection beside the stream. It is made when it is
// first needed and again when it was lost; reader and keeper share it.
type side struct {
	cfg *pgx.ConnConfig

	mu   sync.Mutex
	conn *pgx.Conn
}

// sideTimeout bounds every question on the side connection.
const sideTimeout = 20 * time.Second

// use calls f with a connection. An error of f that closed the connection is
// met once more with a new one, since it may have been idle for days.
func (s *side) use(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.useLocked(ctx, f)
}

func (s *side) useLocked(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, sideTimeout)
	defer cancel()
	reused := s.conn != nil && !s.conn.IsClosed()
	for {
		if s.conn == nil || s.conn.IsClosed() {
			conn, err := pgx.ConnectConfig(ctx, s.cfg)
			if err != nil {
				return err
			}
			s.conn = conn
		}
		err := f(ctx, s.conn)
		if err == nil || !s.conn.IsClosed() || !reused || ctx.Err() != nil {
			return err
		}
		reused = false
	}
}

// ping asks whether the server still takes and answers ordinary sessions. It
// does not wait for a question that is being asked: its answer says as much.
func (s *side) ping(ctx context.Context) error {
	if !s.mu.TryLock() {
		return nil
	}
	defer s.mu.Unlock()
	return s.useLocked(ctx, func(ctx context.Context, c *pgx.Conn) error { return c.Ping(ctx) })
}

func (s *side) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.conn.Close(ctx)
	s.conn = nil
	return err
}
