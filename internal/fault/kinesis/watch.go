package kinesis

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Observed is what a proxy has seen since it was made.
type Observed struct {
	Calls   int   // of PutRecords, also those that are not forwarded
	Records int   // in those
	Bytes   int64 // of data and partition keys in those

	MaxRecords int // in one call
	MaxBytes   int // in one call

	Dropped   int // records, by Drop
	Throttled int // records over a rate
	Failed    int // calls, by Fail
	Lost      int // calls, by Lose
	Refused   int // calls, by Answer, Expire, Skew, or over a limit of a call

	Taken      int   // records that the target has, also those whose answer is lost
	TakenBytes int64 // of those
}

// A call is one request of a client.
type call struct {
	operation string
	header    http.Header
	body      []byte
	client    context.Context // ends when the client has gone

	keys []string // under the proxy's mutex: what it carries and nobody else did when it came

	over chan struct{} // closed when it is answered, or nobody waits for that any more
	gone bool          // under the proxy's mutex: the latter
	done bool          // under the proxy's mutex: over is closed
}

// Seen returns what came so far.
func (p *Proxy) Seen() Observed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Violations returns what a client did that can break the order of its records or
// that it knew to be refused: two records of one ExplicitHashKey in a call, a hash
// key of which an earlier call has no answer yet while its client still waits for
// one, and a record above the limit. It names at most a hundred.
func (p *Proxy) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.broken)
}

// violated is called under the mutex.
func (p *Proxy) violated(format string, args ...any) {
	if len(p.broken) < 100 {
		p.broken = append(p.broken, fmt.Sprintf(format, args...))
	}
}

// look counts a call of PutRecords and finds what it violates.
func (p *Proxy) look(c *call, put *putRecords) {
	earlier := p.count(c, put)
	late, cancel := context.WithTimeout(p.ctx, noticed)
	defer cancel()
	for _, other := range earlier {
		select {
		case <-other.over:
		case <-late.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, other := range earlier {
		if !other.gone && p.ctx.Err() == nil {
			p.violated("the hash key %s was sent while an earlier call with it had no answer", key)
		}
	}
	if c.done {
		return // it has gone meanwhile
	}
	for key := range earlier {
		p.flying[key] = c
		c.keys = append(c.keys, key)
	}
}

// count counts a call in, and returns those before it that have a hash key of its
// own and no answer yet.
func (p *Proxy) count(c *call, put *putRecords) map[string]*call {
	p.mu.Lock()
	defer p.mu.Unlock()
	earlier := make(map[string]*call)
	own := make(map[string]bool, len(put.Records))
	bytes, most := 0, p.rules.limits.BytesPerRecord
	for i := range put.Records {
		size, key := put.Records[i].size(), put.Records[i].ExplicitHashKey
		bytes += size
		if most > 0 && size > most {
			p.violated("a record has %d bytes, and %d are allowed", size, most)
		}
		if key == "" {
			continue
		}
		if own[key] {
			p.violated("the hash key %s is twice in a call", key)
			continue
		}
		own[key] = true
		if other := p.flying[key]; other != nil {
			earlier[key] = other
			continue
		}
		if !c.done {
			p.flying[key] = c
			c.keys = append(c.keys, key)
		}
	}
	p.seen.Calls++
	p.seen.Records += len(put.Records)
	p.seen.Bytes += int64(bytes)
	p.seen.MaxRecords = max(p.seen.MaxRecords, len(put.Records))
	p.seen.MaxBytes = max(p.seen.MaxBytes, bytes)
	return earlier
}

// noticed bounds how long the end of a connection may take to be seen here: a client
// that gave up may send the next call before that.
const noticed = 5 * time.Second

// end takes a call as answered, or as one that nobody waits for.
func (p *Proxy) end(c *call, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.done {
		return
	}
	c.done, c.gone = true, gone
	for _, key := range c.keys {
		if p.flying[key] == c {
			delete(p.flying, key)
		}
	}
	close(c.over)
}

// took counts what the target has.
func (p *Proxy) took(records []record, said []result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range records {
		if said[i].ErrorCode == "" {
			p.seen.Taken++
			p.seen.TakenBytes += int64(records[i].size())
		}
	}
}
