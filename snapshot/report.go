package snapshot

import "time"

// A run is from where something is to be copied to where nothing is, maybe over many
// lives.
type run struct {
	done  int       // tables
	rows  int64     // that were read
	since time.Time // when the first of them was
}

// took is how long rows were read, 0 if none were.
func (r run) took() time.Duration {
	if r.since.IsZero() {
		return 0
	}
	return time.Since(r.since)
}

// count counts rows that were read. The lock is held.
func (j *Join) count(rows int) {
	now := time.Now()
	j.pace.count(rows, now)
	c := j.copies
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run.since.IsZero() {
		c.run.since = now
	}
	c.run.rows += int64(rows)
}

// entry tells of a copy. The lock is held.
func (j *Join) entry(c *copying) Entry {
	e := Entry{ID: c.id, Table: c.table, Where: c.where, Status: Waiting, Rows: c.handed(), Estimate: max(0, c.extent.Rows), Why: c.why}
	if c.reading() > 0 || c.busy || c.rows > 0 {
		e.Status = Copying
	}
	if e.Why == "" && e.Status == Waiting {
		e.Why = j.waits()
	}
	return e
}

// entries tells of all copies.
func (j *Join) entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Entry, len(j.ledger.list))
	for i, c := range j.ledger.list {
		all[i] = j.entry(c)
	}
	return all
}

// waits says why no chunk is begun, "" if some are. The lock is held.
func (j *Join) waits() string {
	switch now := time.Now(); {
	case len(j.ledger.list) == 0:
		return ""
	case j.place.past != "":
		return "the stream to pass what was published before the start"
	case !j.may():
		return "the checkpoint to be saved"
	case !j.settle.settled && j.settle.waits != "":
		return j.settle.waits
	case !j.settle.settled:
		return "transactions that began before the copies"
	case j.pace.lag > j.cfg.MaxLag:
		return "a replica, which is " + j.pace.lag.Round(time.Second).String() + " behind"
	case j.behind(now) > j.cfg.MaxLag:
		return "the stream, which is " + j.behind(now).Round(time.Second).String() + " behind"
	}
	for _, c := range j.ledger.list {
		if c.why == "" {
			return ""
		}
	}
	return j.ledger.list[0].why
}

// endRun ends the run at hand and returns it.
func (c *Copies) endRun() run {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.run
	c.run = run{}
	return r
}

func (j *Join) progress() Progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.copies
	c.mu.Lock()
	p := Progress{Active: len(j.ledger.list) > 0, Tables: c.run.done + len(j.ledger.list), Done: c.run.done, Rows: c.run.rows, Estimate: c.run.rows}
	since := c.run.since
	c.mu.Unlock()
	left := int64(0)
	for _, o := range j.ledger.list {
		left += max(0, o.extent.Rows-o.handed())
	}
	p.Estimate += left
	p.Waits = j.waits()
	p.PerSec = j.pace.rate.last
	if took := time.Since(since); p.PerSec == 0 && !since.IsZero() && took > 0 {
		p.PerSec = float64(p.Rows) / took.Seconds()
	}
	if p.PerSec > 0 {
		p.Left = time.Duration(float64(left) / p.PerSec * float64(time.Second)).Round(time.Second)
	}
	return p
}
