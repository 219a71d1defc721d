package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// takesConnections says why it does not, or nil.
func (p *Postgres) takesConnections(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Kill ends every process of the server at once, as a crash of the machine would.
// Start brings it back, through recovery.
func (p *Postgres) Kill() error {
	if err := p.instance.Kill(); err != nil {
		return err
	}
	return p.removeSharedMemory()
}

// NewTimeline restarts the server as a standby and promotes it, which puts it
// on the next timeline, as a failover does.
func (p *Postgres) NewTimeline(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.DataDir, "standby.signal"), nil, 0o644); err != nil {
		return fmt.Errorf("make a standby: %w", err)
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	return p.withAdmin(ctx, func(conn *pgx.Conn) error {
		var promoted bool
		if err := conn.QueryRow(ctx, "SELECT pg_promote()").Scan(&promoted); err != nil {
			return fmt.Errorf("promote: %w", err)
		}
		if !promoted {
			return errors.New("promote: the server did not become a primary in time")
		}
		return nil
	})
}
