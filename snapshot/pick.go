package snapshot

import (
	"time"
)

// pick chooses what is read next, or says how long to wait before another look; others
// look when something changes.
func (j *Join) pick(now time.Time) (*task, time.Duration) {
	const long, short = time.Minute, 200 * time.Millisecond
	switch {
	case len(j.list) == 0:
		return nil, long
	case !j.may() || !j.settle.settled:
		return nil, long
	case j.behind(now) > j.cfg.MaxLag:
		return nil, short
	case j.slots == 0 || j.hold != nil:
		return nil, long
	case now.Before(j.notBefore):
		return nil, j.notBefore.Sub(now)
	}
	wait := long
	// Tables that nobody reads first, then another part of one that somebody does.
	for _, shared := range []bool{false, true} {
		for _, c := range j.list {
			if j.active[c.table] != c || (c.reading() > 0) != shared {
				continue
			}
			if left := c.after.Sub(now); left > 0 {
				wait = min(wait, left)
				continue
			}
			if c.extent.Whole {
				if c.busy {
					continue
				}
				c.busy = true
				return &task{c: c}, 0
			}
			p := c.free()
			if p == nil {
				continue
			}
			p.busy = true
			j.slots--
			return &task{c: c, p: p, size: j.rows(c), split: j.splits(c, p)}, 0
		}
	}
	return nil, wait
}

// rows returns how many rows the next chunk of c has: within RowsPerSec no more than are
// read in a chunk's time.
func (j *Join) rows(c *copying) int {
	if j.cfg.RowsPerSec == 0 {
		return c.size
	}
	return max(1, min(c.size, int(float64(j.cfg.RowsPerSec)*j.cfg.Chunk.Seconds())))
}

// splits reports whether a part of c should be cut, since another worker would have
// nothing else to read.
func (j *Join) splits(c *copying, p *part) bool {
	if j.cfg.Connections == 1 || p.fenced || p.keys != nil {
		return false
	}
	if rows := c.extent.Rows; rows >= 0 && rows < int64(2*ahead*c.size) {
		return false
	}
	for _, o := range j.list {
		if o != c && o.reading() == 0 && j.active[o.table] == o && !o.extent.Whole {
			return false
		}
	}
	return true
}

// behind returns how far the stream or a replica is behind.
func (j *Join) behind(now time.Time) time.Duration {
	lag := j.lag
	// While the stream waits for more, the last commit is as old as it likes.
	idle := !j.waiting.IsZero() && now.Sub(j.waiting) > time.Second
	if j.clock != 0 && !idle {
		lag = max(lag, now.Sub(time.UnixMilli(j.clock)))
	}
	return lag
}
