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
	look := watch(ctx, g, work, every)
	return func() bool {
		_, ok := look().sight()
		return ok
	}
}

// WatchReady is Watch, and says why the pipeline is not ready.
func WatchReady(ctx context.Context, g capture.Gauge, work func(time.Time) Work, every time.Duration) (why func() string) {
	look := watch(ctx, g, work, every)
	return func() string { return look().unready() }
}

func watch(ctx context.Context, g capture.Gauge, work func(time.Time) Work, every time.Duration) (look func() *view) {
	w := &watcher{gauge: g, work: work, every: every, log: zap.NewNop()}
	go w.run(ctx)
	return func() *view {
		now := time.Now()
		return &view{Work: work(now), log: w.look(), now: now}
	}
}
