package oracle

import (
	"fmt"
	"slices"
	"sort"
)

// arrivals is one partition of a table as it arrives: it tells what comes for the
// first time from what comes again.
type arrivals struct {
	keyless bool
	first   []*event // by ver
	at      int      // of the last record among them
	again   int      // records that came again
}

// take reports whether an event comes for the first time. What can't be explained by
// restarts is an error.
//
// A restart sends a suffix of the stream again, up to the newest change and then on.
// Rows that a snapshot had read and that were not saved do not come again: their
// chunks are read anew, and come later, with vers of their own.
func (a *arrivals) take(e *event) (first bool, err error) {
	n := sort.Search(len(a.first), func(i int) bool { return a.first[i].ver >= e.ver })
	if n < len(a.first) && a.first[n].ver == e.ver {
		if a.first[n].sum != e.sum {
			return false, fmt.Errorf("its ver came before with other bytes, in record %d", a.first[n].number)
		}
		if err := a.gap(n); err != nil {
			return false, err
		}
		a.again++
		a.at = n
		return false, nil
	}
	if n < len(a.first) && !a.hidden(e, n) {
		return false, fmt.Errorf("it comes for the first time after the higher ver %s", a.first[len(a.first)-1].ver)
	}
	if err := a.gap(n); err != nil {
		return false, err
	}
	a.first = slices.Insert(a.first, n, e)
	a.at = n
	return true, nil
}

// gap says what is missing between the last record and number n.
func (a *arrivals) gap(n int) error {
	for i := a.at + 1; i < n; i++ {
		if !a.first[i].snapshot {
			return fmt.Errorf("of what came before, and is sent again, ver %s is left out", a.first[i].ver)
		}
	}
	return nil
}

// hidden reports whether the event may have been left out so far: a change of a
// keyless table whose copy, which has then been begun anew, had shown it (C5.5).
func (a *arrivals) hidden(e *event, n int) bool {
	return a.keyless && !e.snapshot && slices.ContainsFunc(a.first[:n], func(f *event) bool { return f.snapshot })
}
