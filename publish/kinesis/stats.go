package kinesis

import "time"

// LaneStats is what went through one lane since the Publisher was opened.
type LaneStats struct {
	Lane    int
	Shard   string // where its records land
	Queued  int    // events that are not stored
	Events  uint64 // stored
	Bytes   uint64 // of stored records, as the service counts them
	Records uint64 // stored
	Repeats uint64 // times that a record was sent again
}

// ShardStats says what one shard takes.
type ShardStats struct {
	Shard     string
	Rate      float64 // of what a shard takes, 1 at most: less while it refuses more
	Throttled uint64  // records that it refused because it was busy
}

// Lanes returns the lanes of the stream that had events so far. It may be called
// from any goroutine.
func (p *Publisher) Lanes() []LaneStats {
	o := p.outlets[0]
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []LaneStats
	for n := range o.lanes {
		l := &o.lanes[n]
		s := l.stats
		s.Lane, s.Shard, s.Queued = n, o.shards.lane[n], len(l.queue)-l.head
		if s.Queued > 0 || s.Records > 0 {
			all = append(all, s)
		}
	}
	return all
}

// Shards returns the open shards of the stream, in the order of the hash space. It
// may be called from any goroutine.
func (p *Publisher) Shards() []ShardStats {
	o := p.outlets[0]
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []ShardStats
	now := time.Now()
	for _, id := range o.shards.ids {
		pace := o.paces[id]
		pace.refill(now) // it recovers also while nothing is sent there
		all = append(all, ShardStats{Shard: id, Rate: pace.rate, Throttled: pace.throttled})
	}
	return all
}
