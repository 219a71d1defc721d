package snapshot

import "time"

// A pace says when the next chunk may be read, and of how many rows.
type pace struct {
	perSec    int           // rows, at most; 0: no limit
	slots     int           // chunks that may be begun beside those that are read or wait for their place
	lag       time.Duration // of replicas
	notBefore time.Time     // by perSec
	rate      rate
}

// count counts rows that were read, and says from when on more may be.
func (p *pace) count(rows int, now time.Time) {
	p.rate.count(rows, now)
	if p.perSec == 0 {
		return
	}
	if p.notBefore.Before(now) {
		p.notBefore = now
	}
	p.notBefore = p.notBefore.Add(time.Duration(float64(rows) / float64(p.perSec) * float64(time.Second)))
}

// rows returns how many rows the next chunk has: of size no more than may be read in
// the time of one.
func (p *pace) rows(size int, chunk time.Duration) int {
	if p.perSec == 0 {
		return size
	}
	return max(1, min(size, int(float64(p.perSec)*chunk.Seconds())))
}

// rate is how fast rows are read at present.
type rate struct {
	rows int64
	from time.Time
	last float64 // rows per second of the period before
}

// ratePeriod is the time over which a rate is measured.
const ratePeriod = 2 * time.Second

func (r *rate) count(rows int, now time.Time) {
	if r.from.IsZero() {
		r.from = now
	}
	r.rows += int64(rows)
	if took := now.Sub(r.from); took >= ratePeriod {
		*r = rate{from: now, last: float64(r.rows) / took.Seconds()}
	}
}
