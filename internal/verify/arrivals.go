package verify

import (
	"fmt"
	"hash/maphash"
	"sort"
)

// memory is how far back a line may be sent again, in lines. A saved position
// is never so old.
const memory = 1 << 17

// arrivals tells the first arrival of a line from a line sent again, by its
// ver. What it can't explain by restarts is an error. Rows that a snapshot read
// come after a restart with other vers, or not at all.
type arrivals struct {
	seed  maphash.Seed
	ring  []arrival // of the last first arrivals, number n at n % memory
	count int       // first arrivals
	at    int       // number of the last line's first arrival
	again int       // lines sent again
	runs  int       // of lines sent again
}

type arrival struct {
	ver  string
	sum  uint64
	read bool // by a snapshot
}

func newArrivals() *arrivals { return &arrivals{seed: maphash.MakeSeed(), at: -1} }

// take reports whether the line with this ver arrives for the first time. A
// ver first arrives only above all others. A line sent again has the same bytes
// and begins or continues a run: after it comes the line that came after it
// before, until the newest is reached, unless another restart begins another
// run further back. A row that was read has a place of its own between those of
// transactions.
func (a *arrivals) take(ver string, line []byte, read bool) (first bool, err error) {
	sum := maphash.Bytes(a.seed, line)
	if a.count == 0 || ver > a.get(a.count-1).ver {
		if !a.onlyRead(a.at+1, a.count) {
			return false, fmt.Errorf("something new comes after a re-sent line, %d lines before the newest", a.count-1-a.at)
		}
		if a.count > 0 {
			if last := a.get(a.count - 1); last.read != read && placeOf(last.ver) == placeOf(ver) {
				return false, fmt.Errorf("ver %s is of the commit of %s, and a snapshot read only one of them", ver, last.ver)
			}
		}
		a.put(arrival{ver, sum, read})
		return true, nil
	}
	n, ok := a.find(ver)
	switch {
	case !ok:
		return false, fmt.Errorf("ver %s arrives first after a higher one, or again after more than %d others", ver, memory)
	case a.get(n).sum != sum:
		return false, fmt.Errorf("ver %s is sent again with other bytes", ver)
	case !a.onlyRead(a.at+1, n):
		return false, fmt.Errorf("a re-sent suffix has a gap of %d lines before ver %s", n-a.at-1, ver)
	}
	if a.at == a.count-1 || n <= a.at {
		a.runs++
	}
	a.at = n
	a.again++
	return false, nil
}

func (a *arrivals) put(next arrival) {
	if len(a.ring) < memory {
		a.ring = append(a.ring, next)
	} else {
		a.ring[a.count%memory] = next
	}
	a.at = a.count
	a.count++
}

// onlyRead reports whether all arrivals from one number up to another are rows that
// a snapshot read.
func (a *arrivals) onlyRead(from, to int) bool {
	for ; from < to; from++ {
		if !a.get(from).read {
			return false
		}
	}
	return true
}

func (a *arrivals) get(n int) *arrival { return &a.ring[n%memory] }

// find returns the number of the first arrival with this ver.
func (a *arrivals) find(ver string) (int, bool) {
	oldest := a.count - len(a.ring)
	n := oldest + sort.Search(len(a.ring), func(i int) bool { return a.get(oldest+i).ver >= ver })
	return n, n < a.count && a.get(n).ver == ver
}
