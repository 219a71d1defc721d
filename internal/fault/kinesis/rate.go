package kinesis

import "time"

// A bucket lets through so much a second, and as much as that at once. What is
// larger than it passes when it is full, and is paid for afterwards.
type bucket struct {
	rate, left float64
	at         time.Time // when left was right
}

// fill adds what has come since.
func (b *bucket) fill(now time.Time) {
	b.left = min(b.rate, b.left+b.rate*now.Sub(b.at).Seconds())
	b.at = now
}

// has reports whether n fit.
func (b *bucket) has(n float64) bool { return b.left >= min(n, b.rate) }

// refill forgets what was taken: the rates have changed.
func (p *Proxy) refill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.buckets)
}

// take takes a record from the buckets of its shard and its stream, from all or
// from none, and reports whether it fits. It is called under the mutex.
func (p *Proxy) take(stream string, shards []string, i, size int) bool {
	now := time.Now()
	var needs [3]struct {
		from *bucket
		n    float64
	}
	used := 0
	need := func(name string, rate, n float64) {
		if rate == 0 {
			return
		}
		b := p.buckets[name]
		if b == nil {
			b = &bucket{rate: rate, left: rate, at: now}
			p.buckets[name] = b
		}
		b.fill(now)
		needs[used].from, needs[used].n = b, n
		used++
	}
	need("stream "+stream, p.rules.accept, float64(size))
	if shards != nil {
		need("bytes "+stream+" "+shards[i], p.rules.limits.BytesPerSecond, float64(size))
		need("records "+stream+" "+shards[i], p.rules.limits.RecordsPerSecond, 1)
	}
	for _, b := range needs[:used] {
		if !b.from.has(b.n) {
			return false
		}
	}
	for _, b := range needs[:used] {
		b.from.left -= b.n
	}
	return true
}
