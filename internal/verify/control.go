package verify

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
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
			return l.lacking("lost: the END of transaction %d of writer %d", list[n].XID, i)
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
	id, _, _ := strings.Cut(end.ID, ":")
	xid, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return l.broken("the id %q names no transaction", end.ID)
	}
	t := v.truth.byXID[uint32(xid)]
	if t == nil {
		return l.broken("transaction %d was not committed by the workload", xid)
	}
	if n := next[t.Writer]; v.truth.writers[t.Writer][n] != t {
		return l.broken("it is of transaction %d; next of writer %d is %d", xid, t.Writer, v.truth.writers[t.Writer][n].XID)
	}
	next[t.Writer]++
	if want := t.commit + "/ffffffffffffffff/00000000"; end.Ver[9:] != want {
		return l.broken("its ver is %s, the events of transaction %d want %s", end.Ver, xid, want)
	}
	if len(end.Counts) != len(t.Counts) {
		return l.broken("transaction %d has events in %d tables, its END names %d", xid, len(t.Counts), len(end.Counts))
	}
	for table, want := range t.Counts {
		if got := end.Counts[v.topic(table)]; got != want {
			return l.broken("transaction %d has %d events for %s, its END says %d", xid, want, table, got)
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
