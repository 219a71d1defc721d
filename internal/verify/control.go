package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ends verifies the END markers: one per transaction with events, each
// writer's in commit order, with the counts of the truth. The events were held
// against the same truth, so the counts are those of what arrived.
func (v *verifier) ends() error {
	partitions, err := v.control("transactions")
	if err != nil {
		return err
	}
	defer closeAll(partitions)
	p, err := only(partitions)
	if err != nil {
		return err
	}
	var end endMarker
	m := v.merge([]*partition{p}, func(_ int, record []byte) (string, bool, error) {
		end = endMarker{}
		err := json.Unmarshal(record, &end)
		if err == nil && len(end.Ver) != verLen {
			err = errors.New("its ver has not the form 8/16/16/8")
		}
		if err != nil {
			return "", false, fmt.Errorf("it is no END marker: %w", err)
		}
		return end.Ver, false, nil
	})
	next := make([]int, len(v.truth.writers))
	for {
		at, err := m.next()
		if err != nil {
			return err
		}
		if len(at) == 0 {
			break
		}
		if err := v.end(&end, next); err != nil {
			return p.broken("%v", err)
		}
		v.report.Transactions++
	}
	for i, n := range next {
		if list := v.truth.writers[i]; n < len(list) {
			return p.lacking("lost: the END of transaction %s of writer %d", list[n].ID, i)
		}
	}
	return nil
}

// only returns the one partition that holds records: what has an order of its
// own is all in one.
func only(partitions []*partition) (*partition, error) {
	var one *partition
	for _, p := range partitions {
		empty, err := p.empty()
		switch {
		case err != nil:
			return nil, err
		case empty:
		case one != nil:
			return nil, p.lacking("%s has records too, and they have no order", one.name())
		default:
			one = p
		}
	}
	if one == nil {
		one = partitions[0]
	}
	return one, nil
}

type endMarker struct {
	ID     string         `json:"id"`
	Ver    string         `json:"ver"`
	Counts map[string]int `json:"counts"`
}

// end verifies one marker that arrives first. next is the place of each writer
// among its transactions.
func (v *verifier) end(end *endMarker, next []int) error {
	t := v.transaction(end.ID)
	if t == nil {
		return fmt.Errorf("transaction %s was not committed by the workload", end.ID)
	}
	left := v.truth.writers[t.Writer][next[t.Writer]:]
	if len(left) == 0 || left[0] != t {
		return fmt.Errorf("it is of transaction %s, which is not the next of writer %d", t.ID, t.Writer)
	}
	next[t.Writer]++
	if want := t.commit + "/ffffffffffffffff/00000000"; end.Ver[9:] != want {
		return fmt.Errorf("its ver is %s, the events of transaction %s want %s", end.Ver, t.ID, want)
	}
	if len(end.Counts) != len(t.Counts) {
		return fmt.Errorf("transaction %s has events in %d tables, its END names %d", t.ID, len(t.Counts), len(end.Counts))
	}
	for table, want := range t.Counts {
		if got := end.Counts[v.topic(table)]; got != want {
			return fmt.Errorf("transaction %s has %d events for %s, its END says %d", t.ID, want, table, got)
		}
	}
	return nil
}

// progress verifies that progress never goes back. Whether it is true is for
// the fences.
func (v *verifier) progress() error {
	partitions, err := v.control("progress")
	if err != nil {
		return err
	}
	defer closeAll(partitions)
	p, err := only(partitions)
	if err != nil {
		return err
	}
	last := ""
	for {
		record, err := p.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var mark struct {
			Ver string `json:"ver"`
		}
		if err := json.Unmarshal(record, &mark); err != nil || len(mark.Ver) != verLen {
			return p.broken("it is no progress record: %v", err)
		}
		if mark.Ver < last {
			return p.broken("progress goes back from %s to %s", last, mark.Ver)
		}
		last = mark.Ver
		v.report.Marks++
	}
}

// schemas verifies that every table version that an event names has its
// document.
func (v *verifier) schemas() error {
	partitions, err := v.control("schemas")
	if err != nil {
		return err
	}
	defer closeAll(partitions)
	for _, p := range partitions {
		for {
			record, err := p.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			var doc struct {
				Version string `json:"table_version"`
			}
			if err := json.Unmarshal(record, &doc); err != nil {
				return p.broken("it is no schema document: %v", err)
			}
			delete(v.versions, doc.Version)
		}
	}
	for version := range v.versions {
		return partitions[0].lacking("there is no document for table version %s", version)
	}
	return nil
}
