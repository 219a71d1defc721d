package pipeline_test

import (
	"encoding/json"
	"strings"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/publish"
)

// A shelf is what the sink holds durably, and the checks of each record as it
// arrives. The world's mu guards it.
type shelf struct {
	w      *world
	parts  map[string]*arrivals
	stored []bool // per row of the log
	prefix int    // rows stored without a gap
	docs   map[string]bool
	ends   map[uint64]string // END marker by commit
}

// arrivals is how far one partition is.
type arrivals struct{ last, newest, life int }

func (s *shelf) init(w *world) {
	*s = shelf{
		w: w, parts: make(map[string]*arrivals), stored: make([]bool, len(w.log.rows)),
		docs: make(map[string]bool), ends: make(map[uint64]string),
	}
}

// accept checks what the sink is given: rows in the order of the log from the
// place where the life began, each table version after its document, each
// transaction's end after its rows. It returns the batch's rows.
func (s *shelf) accept(b *publish.Batch, docs map[string]bool) []int {
	w := s.w
	var rows []int
	if b.Time.IsZero() {
		w.violate("a batch has no time")
	}
	for i := range b.Records {
		r := &b.Records[i]
		switch value := b.Value(r); r.Topic.Channel {
		case publish.Data:
			row, ok := s.row(value)
			if !ok {
				return rows
			}
			if row != w.next {
				w.violate("row %d was published when %d was next", row, w.next)
			}
			w.next = row + 1
			if version := w.log.tables[w.log.rows[row].table].Version; !docs[version] {
				w.violate("row %d names table version %s, whose document is not durable", row, version)
			}
			if string(b.Key(r)) != "k" {
				w.violate("row %d has the key %q", row, b.Key(r))
			}
			rows = append(rows, row)
		case publish.Transactions:
			if e, _ := s.entry(value); e != nil && e.last > w.next {
				w.violate("the end of commit %d was published before its row %d", e.txn.Commit, w.next)
			}
		case publish.Progress, publish.Schemas:
		}
	}
	return rows
}

// store makes one record durable.
func (s *shelf) store(b *publish.Batch, r *publish.Record, life int) {
	w, value := s.w, b.Value(r)
	switch r.Topic.Channel {
	case publish.Data:
		if row, ok := s.row(value); ok {
			s.arrive(row, partOf(r.Topic.Name, r.Hash), life)
		}
	case publish.Schemas:
		s.docs[strings.Trim(string(b.Key(r)), `"`)] = true
	case publish.Progress:
		var p struct{ Ver event.Ver }
		if err := json.Unmarshal(value, &p); err != nil {
			w.violate("progress %s: %v", value, err)
		}
		if rows := w.log.rowsBelow(p.Ver.Commit); rows > s.prefix {
			w.violate("progress says that %d rows are published, %d are", rows, s.prefix)
		}
		if !w.cfg.committer && p.Ver.Commit > w.saved.Bound {
			w.violate("progress says %d, %d is saved", p.Ver.Commit, w.saved.Bound)
		}
	case publish.Transactions:
		e, counts := s.entry(value)
		if e == nil {
			return
		}
		s.countEnd(e, counts)
		switch old, again := s.ends[e.txn.Commit]; {
		case again && old != string(value):
			w.violate("the end of commit %d came as %s and as %s", e.txn.Commit, old, value)
		case again && (w.cfg.calm() || w.cfg.committer):
			w.violate("the end of commit %d came twice", e.txn.Commit)
		}
		s.ends[e.txn.Commit] = string(value)
	}
}

// arrive checks that a partition receives its rows in order: the next one, or,
// once in a life, from an earlier one on up to the newest again.
func (s *shelf) arrive(row int, part string, life int) {
	w, want := s.w, &s.w.log.rows[row]
	w.trace("row %d is stored in %s", row, part)
	if part != want.part {
		w.violate("row %d went to %s, not to %s", row, part, want.part)
	}
	p := s.parts[part]
	if p == nil {
		p = &arrivals{last: -1, newest: -1}
		s.parts[part] = p
	}
	switch {
	case want.nth > p.last+1, want.nth <= p.last && life == p.life:
		w.violate("row %d came to %s as number %d after %d", row, part, want.nth, p.last)
	case want.nth <= p.newest && (w.cfg.calm() || w.cfg.committer):
		w.violate("row %d came twice", row)
	}
	p.last, p.newest, p.life = want.nth, max(p.newest, want.nth), life
	s.stored[row] = true
	for s.prefix < len(s.stored) && s.stored[s.prefix] {
		s.prefix++
	}
}

// row finds an event in the log by its ver and compares its bytes.
func (s *shelf) row(value []byte) (int, bool) {
	if len(value) < event.VerLen {
		s.w.violate("an event has %d bytes", len(value))
		return 0, false
	}
	row, ok := s.w.log.byVer[string(value[:event.VerLen])]
	if !ok || s.w.log.rows[row].value != string(value) {
		s.w.violate("the event at ver %s is not the log's", value[:event.VerLen])
		return 0, false
	}
	return row, true
}

// entry finds the transaction of an END marker.
func (s *shelf) entry(value []byte) (*simEntry, map[string]uint64) {
	var end struct {
		Ver    event.Ver
		Counts map[string]uint64
	}
	if err := json.Unmarshal(value, &end); err != nil {
		s.w.violate("END marker %s: %v", value, err)
		return nil, nil
	}
	for i := range s.w.log.entries {
		if e := &s.w.log.entries[i]; !e.keepalive && e.txn.Commit == end.Ver.Commit {
			return e, end.Counts
		}
	}
	s.w.violate("END marker %s is of no transaction", value)
	return nil, nil
}

func (s *shelf) countEnd(e *simEntry, counts map[string]uint64) {
	for i := e.first; i < e.last; i++ {
		topic, _, _ := strings.Cut(s.w.log.rows[i].part, "/")
		counts[topic]--
	}
	for topic, n := range counts {
		if n != 0 || e.last == e.first {
			s.w.violate("the end of commit %d counts %d too many for %s", e.txn.Commit, int64(n), topic)
		}
	}
}
