package gtid

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
)

// A Source is where transactions of MySQL come from: a server's UUID and, since
// 8.3, a tag that a client may give its transactions.
type Source struct {
	UUID [16]byte
	Tag  string // lower case, at most 32 letters, digits and _; "" for none
}

func (s Source) compare(t Source) int {
	return cmp.Or(bytes.Compare(s.UUID[:], t.UUID[:]), strings.Compare(s.Tag, t.Tag))
}

// maxNumber is the largest number of a transaction (MySQL: GNO_END - 1).
const maxNumber = math.MaxInt64 - 1

// A Set is a set of MySQL's GTIDs. The zero Set is empty. A nil *Set may be
// read, and is empty. One goroutine uses it at a time.
type Set struct {
	origins []origin // in the order of their sources
	last    int      // index of the origin that Add met last
}

// An origin is what a Set has of one source.
type origin struct {
	src   Source
	spans []span // in order, neither overlapping nor touching; never empty
}

// A span is the numbers from first up to, and without, end.
type span struct{ first, end uint64 }

// find returns the index of an origin, or where it would stand.
func (s *Set) find(src Source) (int, bool) {
	return slices.BinarySearchFunc(s.origins, src, func(o origin, src Source) int { return o.src.compare(src) })
}

// Add adds one GTID. It allocates nothing when that extends an interval, as it
// does nearly always. n is from 1 to 2^63-2.
func (s *Set) Add(src Source, n uint64) {
	if n == 0 || n > maxNumber {
		panic("gtid: a number that no transaction has")
	}
	if s.last >= len(s.origins) || s.origins[s.last].src != src {
		i, ok := s.find(src)
		if !ok {
			s.origins = slices.Insert(s.origins, i, origin{src: src})
		}
		s.last = i
	}
	o := &s.origins[s.last]
	if last := len(o.spans) - 1; last >= 0 && o.spans[last].end == n {
		o.spans[last].end++
		return
	}
	o.add(span{n, n + 1})
}

// add adds the numbers of a span.
func (o *origin) add(a span) {
	// Every span that a overlaps or touches becomes one with it.
	from, _ := slices.BinarySearchFunc(o.spans, a.first, func(b span, first uint64) int { return cmp.Compare(b.end, first) })
	to := from
	for to < len(o.spans) && o.spans[to].first <= a.end {
		a = span{min(a.first, o.spans[to].first), max(a.end, o.spans[to].end)}
		to++
	}
	o.spans = slices.Replace(o.spans, from, to, a)
}

// addSpan adds an interval of a source.
func (s *Set) addSpan(src Source, a span) {
	i, ok := s.find(src)
	if !ok {
		s.origins = slices.Insert(s.origins, i, origin{src: src})
	}
	s.origins[i].add(a)
}

// has reports whether a whole interval of a source is in s.
func (s *Set) has(src Source, a span) bool {
	if s == nil {
		return false
	}
	i, ok := s.find(src)
	if !ok {
		return false
	}
	spans := s.origins[i].spans
	j, _ := slices.BinarySearchFunc(spans, a.end, func(b span, end uint64) int { return cmp.Compare(b.end, end) })
	return j < len(spans) && spans[j].first <= a.first
}

// Contains reports whether everything that is in t is in s.
func (s *Set) Contains(t *Set) bool {
	if t == nil {
		return true
	}
	for _, o := range t.origins {
		for _, a := range o.spans {
			if !s.has(o.src, a) {
				return false
			}
		}
	}
	return true
}

// Minus returns what is in s and not in t.
func (s *Set) Minus(t *Set) *Set {
	rest := s.Clone()
	if t == nil {
		return rest
	}
	for _, o := range t.origins {
		if i, ok := rest.find(o.src); ok {
			rest.origins[i].spans = without(rest.origins[i].spans, o.spans)
		}
	}
	rest.origins = slices.DeleteFunc(rest.origins, func(o origin) bool { return len(o.spans) == 0 })
	return rest
}

// without returns what is in a and not in b.
func without(a, b []span) []span {
	var rest []span
	for _, x := range a {
		for len(b) > 0 && b[0].end <= x.first {
			b = b[1:]
		}
		for _, y := range b {
			if y.first >= x.end || x.first >= x.end {
				break
			}
			if x.first < y.first {
				rest = append(rest, span{x.first, y.first})
			}
			x.first = max(x.first, y.end)
		}
		if x.first < x.end {
			rest = append(rest, x)
		}
	}
	return rest
}

// Empty reports whether nothing is in s.
func (s *Set) Empty() bool { return s == nil || len(s.origins) == 0 }

// Clone returns a set that shares nothing with s.
func (s *Set) Clone() *Set {
	c := &Set{}
	if s == nil {
		return c
	}
	c.origins = slices.Clone(s.origins)
	for i := range c.origins {
		c.origins[i].spans = slices.Clone(c.origins[i].spans)
	}
	return c
}
