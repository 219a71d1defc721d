package status

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
)

// Watch runs a watcher until ctx ends. What it returns says whether its last
// answer is still shown.
func Watch(ctx context.Context, g capture.Gauge, work func(time.Time) Work, every time.Duration) (known func() bool) {
	w := &watcher{gauge: g, work: work, every: every, log: zap.NewNop()}
	go w.run(ctx)
	return func() bool {
		v := view{log: w.look(), now: time.Now()}
		_, ok := v.sight()
		return ok
	}
}
