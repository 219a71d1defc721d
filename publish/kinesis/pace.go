package kinesis

import (
	"math"
	"time"
)

// What a shard takes, by the documentation's "Quotas and limits". 1 MB is read
// as the smaller of its meanings.
const (
	shardBytes   = 1_000_000 // a second
	shardRecords = 1000
)

// How a pace reacts to a shard that takes less than it should, because others
// write to it too: the rate is cut by half of the share of records that is refused,
// and comes back by itself.
const (
	leastPace = 0.01
	growth    = 0.5                    // of the rate, per second; a fifth that is refused at random does not hold it down
	recovery  = 0.01                   // of the full rate on top, per second
	between   = 250 * time.Millisecond // cuts
	lately    = 1.0 / 8                // what the last record counts in the share
	burst     = 100 * time.Millisecond // how much may be saved up
	tick      = 10 * time.Millisecond  // the least time to wait, so that calls for a busy shard hold several records
	recheck   = time.Second            // the most: the rate comes back meanwhile, and what is owed is paid sooner
)

// A pace is the token bucket of one shard. A record may be sent while there are
// tokens for both bytes and records, and takes more than there are if it is
// large: the next one waits for that. It belongs to its outlet's mutex.
type pace struct {
	rate           float64 // of what a shard takes, 1 at most
	bytes, records float64 // tokens
	at             time.Time
	until          time.Time // nothing is sent before
	throttled      uint64    // records, since the start
	refusals       float64   // the share of records that was refused lately
	over           bool      // records were refused since the rate was cut last, at cutAt
	cutAt          time.Time
}

func newPace(now time.Time) *pace {
	p := &pace{rate: 1, at: now}
	p.bytes, p.records = p.most()
	return p
}

func (p *pace) most() (bytes, records float64) {
	return p.rate * shardBytes * burst.Seconds(), p.rate * shardRecords * burst.Seconds()
}

// wait returns for how long no record may be sent, as far as that is known; 0 says
// that one may.
func (p *pace) wait(now time.Time) time.Duration {
	if left := p.until.Sub(now); left > 0 {
		return left
	}
	p.refill(now)
	short := max(-p.bytes/(p.rate*shardBytes), (1-p.records)/(p.rate*shardRecords))
	if short <= 0 {
		return 0
	}
	wait := min(recheck, max(tick, time.Duration(math.Ceil(short*float64(time.Second)))))
	p.until = now.Add(wait)
	return wait
}

// take accounts for a record that is sent.
func (p *pace) take(size int) {
	p.bytes -= float64(size)
	p.records--
}

func (p *pace) refill(now time.Time) {
	gone := now.Sub(p.at).Seconds()
	if gone <= 0 {
		return
	}
	p.at = now
	if p.over && now.Sub(p.cutAt) >= between {
		p.over, p.cutAt = false, now
		p.rate = max(leastPace, p.rate*(1-p.refusals/2))
	}
	p.rate = min(1, p.rate+(recovery+growth*p.rate)*gone)
	bytes, records := p.most()
	p.bytes = min(bytes, p.bytes+gone*p.rate*shardBytes)
	p.records = min(max(records, 1), p.records+gone*p.rate*shardRecords)
}

// took notes that the shard has stored a record.
func (p *pace) took() { p.refusals -= p.refusals * lately }

// refused notes that the shard took no more. Records that are refused together
// count together when the pace is asked next.
func (p *pace) refused() {
	p.throttled++
	p.refusals += (1 - p.refusals) * lately
	p.bytes = min(p.bytes, 0)
	p.over = true
}
