package main

import (
	"fmt"
	"math"
	"time"

	"github.com/tailrace/tailrace/internal/console"
)

// showStatus keeps the status line true until over is closed: often where it
// stays in its place, and seldom where each is a line more.
func (d *inside) showStatus(over <-chan struct{}) {
	const samples = 4 // rows per second are counted over that many intervals
	interval := 5 * time.Second
	if d.screen.Live() {
		interval = 250 * time.Millisecond
	}
	begin := time.Now()
	var counts [samples]uint64
	var times [samples]time.Time
	for i := range times {
		times[i] = begin
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-over:
			return
		}
		now, events := time.Now(), d.sink.Events()
		i := n % samples
		rate := float64(events-counts[i]) / now.Sub(times[i]).Seconds()
		counts[i], times[i] = events, now
		left := "waiting for the last events"
		if rest := d.length - now.Sub(begin); rest > 0 {
			left = fmt.Sprintf("%d s left", int(math.Ceil(rest.Seconds())))
		}
		d.screen.Status(fmt.Sprintf("%.0f rows/s   lag %d ms   %s   %s events   %s",
			rate, d.sink.Lag().Milliseconds(), d.stats.Position(), console.Count(events), left))
	}
}
