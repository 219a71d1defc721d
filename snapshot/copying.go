package snapshot

import (
	"fmt"
	"slices"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
)

// A copying is one copy of one table under way.
type copying struct {
	id           uint64
	table, where string
	since        uint32
	extent       capture.Extent

	busy    bool    // a whole table is being read
	parts   []*part // of the keys that are not copied, in order
	again   []capture.Key
	isAgain map[string]bool // of again
	begun   bool            // parts say what is left; some may be published
	rows    uint64
	now     uint64 // rows of the view at hand of a whole table that were handed on
	keys    touches
	shape   string // of the key, by which parts are cut
	last    string // version of the last event of the stream

	size  int       // rows of the next chunk
	step  int       // and of a step of its read
	after time.Time // when to try again
	why   string    // for what it waits; "" if it does not
}

// A part is a range of keys, or some of them, that are yet to be copied.
type part struct {
	after, upTo capture.Key
	keys        []capture.Key
	busy        bool // is read, or its rows wait for their place
	fenced      bool // is not split any more
}

// How many rows chunks have; tests have smaller ones.
var (
	firstRows = 2000
	fewRows   = 50
	mostRows  = 1 << 20
)

const (
	// ahead is how many chunks a part has that is split off for another worker.
	ahead = 8
	// someKeys is how many keys are read again at once.
	someKeys = 500
)

func newCopying(t checkpoint.TableCopy, e capture.Extent) *copying {
	c := &copying{
		id: t.ID, table: t.Table, where: t.Where, since: t.Since, extent: e,
		begun: t.Begun, rows: t.Rows, size: firstRows, step: firstStep, shape: t.Shape,
	}
	if !t.Begun {
		c.parts = []*part{{}}
	}
	for _, r := range t.Left {
		c.parts = append(c.parts, &part{after: r.After, upTo: r.UpTo})
	}
	for _, k := range t.Again {
		c.again = append(c.again, k)
	}
	return c
}

// state is what a checkpoint keeps of the copy.
func (c *copying) state() checkpoint.TableCopy {
	t := checkpoint.TableCopy{ID: c.id, Table: c.table, Where: c.where, Since: c.since, Rows: c.rows, Shape: c.shape}
	for _, k := range c.again {
		t.Again = append(t.Again, k)
	}
	for _, p := range c.parts {
		for _, k := range p.keys {
			t.Again = append(t.Again, k)
		}
		if p.keys != nil {
			continue
		}
		if n := len(t.Left); n > 0 && p.after != nil && slices.Equal(t.Left[n-1].UpTo, p.after) {
			t.Left[n-1].UpTo = p.upTo
			continue
		}
		t.Left = append(t.Left, checkpoint.KeyRange{After: p.after, UpTo: p.upTo})
	}
	whole := len(t.Left) == 1 && t.Left[0].After == nil && t.Left[0].UpTo == nil
	if whole {
		t.Left = nil
	}
	t.Begun = !whole
	return t
}

// handed returns how many rows were handed on.
func (c *copying) handed() int64 { return int64(c.rows + c.now) }

// finished reports whether nothing is left.
func (c *copying) finished() bool { return len(c.parts) == 0 && len(c.again) == 0 }

// free returns a part that nobody reads, nil if there is none.
func (c *copying) free() *part {
	if len(c.again) > 0 && !slices.ContainsFunc(c.parts, func(p *part) bool { return p.keys != nil }) {
		n := min(len(c.again), someKeys)
		p := &part{keys: c.again[:n:n]}
		for _, k := range p.keys {
			delete(c.isAgain, keyText(k))
		}
		c.again = c.again[n:]
		c.parts = append(c.parts, p)
		return p
	}
	for _, p := range c.parts {
		if !p.busy {
			return p
		}
	}
	return nil
}

// reading returns how many parts are under way.
func (c *copying) reading() (n int) {
	for _, p := range c.parts {
		if p.busy {
			n++
		}
	}
	return n
}

// shorten makes what is behind last a part of its own that may be read next.
func (c *copying) shorten(p *part, last capture.Key) {
	at := slices.Index(c.parts, p)
	if at < 0 {
		return // the copy was begun anew meanwhile
	}
	c.parts = slices.Insert(c.parts, at+1, &part{after: last, upTo: p.upTo, fenced: p.fenced})
	p.upTo = last
}

// split lets another worker read what is behind key.
func (c *copying) split(p *part, key capture.Key) {
	at := slices.Index(c.parts, p)
	if at < 0 {
		return
	}
	c.parts = slices.Insert(c.parts, at+1, &part{after: key, upTo: p.upTo})
	p.upTo, p.fenced = key, true
}

// done takes a part out.
func (c *copying) done(p *part) {
	c.parts = slices.DeleteFunc(c.parts, func(q *part) bool { return p == q })
}

// mostAgain is how many keys may wait to be read again: with more of them the table
// is copied from the start.
const mostAgain = 20_000

// readAgain notes a key of which the reader has a part only. It reports false if there
// are too many.
func (c *copying) readAgain(k capture.Key) bool {
	text := keyText(k)
	if c.isAgain[text] {
		return true
	}
	if c.isAgain == nil {
		c.isAgain = make(map[string]bool)
	}
	c.isAgain[text] = true
	c.again = append(c.again, k)
	return len(c.again) <= mostAgain
}

// keyText is the same for two keys if and only if they are.
func keyText(k capture.Key) string { return fmt.Sprintf("%q", k) }

// resize adapts the next chunk to what one took: so many rows and bytes in this time.
func (c *copying) resize(rows, bytes int, took, want time.Duration, room int) {
	if rows == 0 || took <= 0 {
		return
	}
	size := int(float64(rows) * float64(want) / float64(took))
	size = min(size, 4*c.size, int(float64(room)*0.9/(float64(bytes)/float64(rows)+1)))
	c.size = min(max(size, fewRows), mostRows)
}
