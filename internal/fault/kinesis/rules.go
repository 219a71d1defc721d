package kinesis

import (
	"maps"
	"math"
	"math/rand/v2"
	"time"
)

// rules are what is done to calls.
type rules struct {
	drop, fail, lose float64 // shares, 0 to 1
	spare            int     // calls until the next one that fails
	limits           Limits
	accept           float64
	frozen           bool
	skew             time.Duration

	// Copied when they change: who has read the rules goes on with the old ones.
	expired  map[string]bool                 // by access key
	answers  map[string]*answer              // by operation
	rewrites map[string]func(map[string]any) // by operation
}

func newRules() rules {
	return rules{
		expired: map[string]bool{}, answers: map[string]*answer{},
		rewrites: map[string]func(map[string]any){},
		spare:    math.MaxInt,
	}
}

// Limits are what a stream takes. 0 is for no limit.
type Limits struct {
	RecordsPerCall, BytesPerCall, BytesPerRecord int

	// Of one shard. As much as it takes in a second may come at once, and a larger
	// record when nothing has come for a second.
	BytesPerSecond, RecordsPerSecond float64
}

// Drop lets each record of a PutRecords fail by itself with this probability: it is
// not forwarded, and its place in the answer says
// ProvisionedThroughputExceededException, every third time InternalFailure.
func (p *Proxy) Drop(fraction float64) { p.rule(func(r *rules) { r.drop = fraction }) }

// Fail answers this share of the calls with 500 InternalFailure or 503
// ServiceUnavailable, and does not forward them. The gaps between them are random,
// and none is longer than twice their mean: also a short run meets one.
func (p *Proxy) Fail(fraction float64) {
	p.rule(func(r *rules) {
		r.fail = fraction
		r.spare = gap(p.random, fraction)
	})
}

// gap returns how many calls are spared before the next one of this share.
func gap(random *rand.Rand, fraction float64) int {
	if fraction <= 0 {
		return math.MaxInt
	}
	return random.IntN(max(int(2/fraction)-1, 1))
}

// Lose forwards calls as usual, and loses the answer of this share of those that
// succeed: half of them hang until the client gives up, half have their connection
// cut.
func (p *Proxy) Lose(fraction float64) { p.rule(func(r *rules) { r.lose = fraction }) }

// Limit enforces limits from now on. A call over one of a call or a record is
// refused as a whole; a record over a rate fails by itself. Size is data and
// partition key.
func (p *Proxy) Limit(l Limits) {
	p.rule(func(r *rules) { r.limits = l })
	p.refill()
}

// Accept lets a stream as a whole take so many bytes a second, with as much at once
// as comes in a second. 0 ends it.
func (p *Proxy) Accept(bytesPerSecond float64) {
	p.rule(func(r *rules) { r.accept = bytesPerSecond })
	p.refill()
}

// Answer answers every call of an operation, such as "PutRecords", with an error of
// this status, type and message, until it is called with 0, "" and "".
func (p *Proxy) Answer(operation string, status int, errorType, message string) {
	p.rule(func(r *rules) {
		r.answers = maps.Clone(r.answers)
		delete(r.answers, operation)
		if status != 0 {
			r.answers[operation] = refusal(status, errorType, message)
		}
	})
}

// Rewrite has f change the target's answers to an operation from now on, on the
// goroutine of a call; numbers are json.Number. nil ends it.
func (p *Proxy) Rewrite(operation string, f func(body map[string]any)) {
	p.rule(func(r *rules) {
		r.rewrites = maps.Clone(r.rewrites)
		delete(r.rewrites, operation)
		if f != nil {
			r.rewrites[operation] = f
		}
	})
}

// Skew sets Kinesis' clock off by d: the answers have its date, and a call that was
// signed more than five minutes from it is refused with 403
// InvalidSignatureException.
func (p *Proxy) Skew(d time.Duration) { p.rule(func(r *rules) { r.skew = d }) }

// Expire refuses calls that are signed with this access key from now on, with 400
// ExpiredTokenException.
func (p *Proxy) Expire(accessKey string) {
	p.rule(func(r *rules) {
		r.expired = maps.Clone(r.expired)
		r.expired[accessKey] = true
	})
}

// Freeze takes calls and answers none, not even those that are under way, while
// connections stay open.
func (p *Proxy) Freeze() {
	p.rule(func(r *rules) {
		if !r.frozen {
			r.frozen = true
			p.thawed = make(chan struct{})
		}
	})
}

// Thaw goes on with the calls whose clients still wait.
func (p *Proxy) Thaw() {
	p.rule(func(r *rules) {
		if r.frozen {
			r.frozen = false
			close(p.thawed)
		}
	})
}

func (p *Proxy) rule(change func(*rules)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.rules)
}
