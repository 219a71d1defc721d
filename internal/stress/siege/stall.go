package siege

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// stall lets commits wait for a standby that is not there, again and again, and
// returns how often. The log has such a commit, and its readers get it, while no
// view of the database shows it (C5.2).
func stall(ctx context.Context, stop <-chan struct{}, url string, seed uint64) (n int, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, fmt.Errorf("siege: stall commits: %w", err)
	}
	// Commits that still hang at the end would hang for ever.
	defer func() {
		end := context.WithoutCancel(ctx)
		err = errors.Join(err, standby(end, conn, ""), conn.Close(end))
	}()
	r := rand.New(rand.NewPCG(seed, 1<<33))
	for {
		for _, name := range []string{"nobody", ""} {
			if err := standby(ctx, conn, name); err != nil {
				return n, err
			}
			timer := time.NewTimer(time.Duration(300+r.IntN(900)) * time.Millisecond)
			select {
			case <-timer.C:
			case <-stop:
				timer.Stop()
				return n, nil
			case <-ctx.Done():
				timer.Stop()
				return n, context.Cause(ctx)
			}
		}
		n++
	}
}

// standby sets whom commits wait for; "" is nobody.
func standby(ctx context.Context, conn *pgx.Conn, name string) error {
	for _, sql := range []string{"ALTER SYSTEM SET synchronous_standby_names = '" + name + "'", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("siege: stall commits: %w", err)
		}
	}
	return nil
}
