package snapshot

import "time"

// pick chooses what is read next, or says how long to wait before another look; others
// look when something changes.
func (j *Join) pick(now time.Time) (*task, time.Duration) {
	const long, short = time.Minute, 100 * time.Millisecond
	switch {
	case len(j.ledger.list) == 0:
		return nil, long
	case !j.may() || !j.settle.settled:
		return nil, long
	case j.behind(now) > j.cfg.MaxLag:
		return nil, short
	case j.pace.slots == 0 || j.hold != nil:
		return nil, long
	case j.place.lively(now) && 2*j.cfg.Connections-j.pace.slots >= j.sparing():
		return nil, short
	case now.Before(j.pace.notBefore):
		return nil, j.pace.notBefore.Sub(now)
	}
	wait := long
	// Tables that nobody reads first, then another part of one that somebody does.
	for _, shared := range []bool{false, true} {
		for _, c := range j.ledger.list {
			if !j.ledger.turn(c) || (c.reading() > 0) != shared {
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
			j.pace.slots--
			return &task{c: c, p: p, size: j.pace.rows(c.size, j.cfg.Chunk), split: j.splits(c, p)}, 0
		}
	}
	return nil, wait
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
	for _, o := range j.ledger.list {
		if o != c && o.reading() == 0 && j.ledger.turn(o) && !o.extent.Whole {
			return false
		}
	}
	return true
}

// behind returns how far the stream or a replica is behind.
func (j *Join) behind(now time.Time) time.Duration { return max(j.pace.lag, j.place.behind(now)) }
