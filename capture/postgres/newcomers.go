package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// watchTables looks from time to time which tables there are, until stop is
// called: it publishes those that were made since and match, and ends the
// stream if somebody has taken one out of the publication, since its changes
// are then missing without a word of the server. It has a connection of its own,
// because publishing a table may wait for a lock.
func (s *Source) watchTables(k *keeper) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w := watcher{src: s, side: side{cfg: s.conn}}
		defer func() { _ = w.side.close() }() // it holds nothing
		tick := time.NewTicker(s.cfg.NewTables)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := w.side.use(ctx, w.look)
			if w.gone != nil {
				k.end(w.gone)
				return
			}
			if err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn("new tables are not captured yet", zap.Error(classify("look for new tables", err)))
			}
		}
	}()
	return func() {
		cancel()
		<-stopped
	}
}

type watcher struct {
	src  *Source
	side side
	gone error  // says which table was published when the stream began and is no more
	told string // the last complaint, which is not repeated
}

// look publishes newcomers, and says in gone what was taken away.
func (w *watcher) look(ctx context.Context, c *pgx.Conn) error {
	s := w.src
	tables, err := queryTables(ctx, c)
	if err != nil {
		return err
	}
	sel, _, complaint := selectTables(tables, s.cfg.Tables, s.cfg.InsertOnly)
	if complaint != nil && complaint.Error() != w.told {
		w.told = complaint.Error()
		s.cfg.Log.Warn("the next start will be refused", zap.Error(complaint))
	}
	for _, p := range sel.publications(s.cfg.Publication) {
		missing, exists, err := p.missing(ctx, c)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(missing, s.sel.has); i >= 0 {
			w.gone = p.takenOut(missing[i])
			return nil
		}
		if len(missing) == 0 || !s.cfg.Create || !exists {
			continue // without the publication, the stream would not have it either
		}
		if _, err := c.Exec(ctx, p.statement(missing, exists)); err != nil {
			return err
		}
		s.cfg.Log.Info("capturing new tables", zap.String("publication", p.name), zap.Strings("tables", capture.Some(list(missing))), zap.Int("table_count", len(missing)))
	}
	return nil
}
