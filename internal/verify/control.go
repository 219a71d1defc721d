package verify

import (
	"encoding/json"
	"errors"
	"io"
)

// ends verifies the END markers: one per transaction with events, each
// writer's in commit order, with the counts of the truth. The events were held
// against the same truth, so the counts are those of what arrived.
func (v *verifier) ends() error {
	l, err := v.open("_transactions.ndjson")
	if err != nil {
		return err
	}
	defer l.close()
	seen := newArrivals()
	next := make([]int, len(v.truth.writers))
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var end endMarker
		if err := json.Unmarshal(line, &end); err != nil || len(end.Ver) != verLen {
			return l.broken("it is no END marker: %v", err)
		}
		first, err := seen.take(end.Ver, line)
		switch {
		case err != nil:
			return l.broken("%v", err)
		case first:
			if err := v.end(l, &end, next); err != nil {
				return err
			}
		case seen.runs > v.cfg.Runs:
			return l.broken("the END of transaction %s is sent again, in run %d, with at most %d to be expected", end.ID, seen.runs, v.cfg.Runs)
		}
	}
	for i, n := range next {
		if list := v.truth.writers[i]; n < len(list) {
			return l.lacking("lost: the END of transaction %s of writer %d", list[n].ID, i)
		}
	}
	v.report.Transactions = seen.count
	return nil
}

type endMarker struct {
	ID     string         `json:"id"`
	Ver    string         `json:"ver"`
	Counts map[string]int `json:"counts"`
}

// end verifies one marker that arrives first. next is the place of each writer
// among its transactions.
func (v *verifier) end(l *lines, end *endMarker, next []int) error {
	t := v.transaction(end.ID)
	if t == nil {
		return l.broken("transaction %s was not committed by the workload", end.ID)
	}
	if n := next[t.Writer]; v.truth.writers[t.Writer][n] != t {
		return l.broken("it is of transaction %s; next of writer %d is %s", t.ID, t.Writer, v.truth.writers[t.Writer][n].ID)
	}
	next[t.Writer]++
	if want := t.commit + "/ffffffffffffffff/00000000"; end.Ver[9:] != want {
		return l.broken("its ver is %s, the events of transaction %s want %s", end.Ver, t.ID, want)
	}
	if len(end.Counts) != len(t.Counts) {
		return l.broken("transaction %s has events in %d tables, its END names %d", t.ID, len(t.Counts), len(end.Counts))
	}
	for table, want := range t.Counts {
		if got := end.Counts[v.topic(table)]; got != want {
			return l.broken("transaction %s has %d events for %s, its END says %d", t.ID, want, table, got)
		}
	}
	return nil
}

// progress verifies that progress never goes back. Whether it is true is for
// the fences.
func (v *verifier) progress() error {
	l, err := v.open("_progress.ndjson")
	if err != nil {
		return err
	}
	defer l.close()
	last := ""
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var mark struct {
			Ver string `json:"ver"`
		}
		if err := json.Unmarshal(line, &mark); err != nil || len(mark.Ver) != verLen {
			return l.broken("it is no progress record: %v", err)
		}
		if mark.Ver < last {
			return l.broken("progress goes back from %s to %s", last, mark.Ver)
		}
		last = mark.Ver
		v.report.Marks++
	}
}

// schemas verifies that every table version that an event names has its
// document.
func (v *verifier) schemas() error {
	l, err := v.open("_schemas.ndjson")
	if err != nil {
		return err
	}
	defer l.close()
	for {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var doc struct {
			Version string `json:"table_version"`
		}
		if err := json.Unmarshal(line, &doc); err != nil {
			return l.broken("it is no schema document: %v", err)
		}
		delete(v.versions, doc.Version)
	}
	for version := range v.versions {
		return l.lacking("there is no document for table version %s", version)
	}
	return nil
}
