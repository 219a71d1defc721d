package verify

import (
	"errors"
	"io"
)

// A look reads a record's ver and whether a snapshot read it, or says what is wrong
// with it. It is called for each record, and what it keeps is that of the last one.
type look func(index int, record []byte) (ver string, read bool, err error)

// A reader reads the first arrivals of one partition.
type reader struct {
	*partition
	index  int // among the partitions of its topic
	runs   int // how many times a suffix may have been sent again
	seen   *arrivals
	fences fences

	look look

	record []byte // the first arrival at hand; nil at the end
	ver    string // its
}

// advance goes to the next record that arrives for the first time.
func (r *reader) advance() error {
	for {
		record, err := r.next()
		if errors.Is(err, io.EOF) {
			r.record = nil
			return nil
		}
		if err != nil {
			return err
		}
		ver, read, err := r.look(r.index, record)
		if err != nil {
			return r.broken("%v", err)
		}
		first, err := r.seen.take(ver, record, read)
		switch {
		case err != nil:
			return r.broken("%v", err)
		case !first && r.seen.runs > r.runs:
			return r.broken("ver %s is sent again, in run %d, with at most %d to be expected", ver, r.seen.runs, r.runs)
		case !first:
			continue
		}
		if !read { // the claims speak of changes of the log
			if err := r.fences.check(ver, r.place); err != nil {
				return r.broken("%v", err)
			}
		}
		r.ver, r.record = ver, record
		return nil
	}
}

// A merger reads the first arrivals of all partitions of a topic in the order
// of their vers. There is an order among partitions only by that.
type merger struct {
	readers []*reader
	at      []*reader // those that are to be advanced
}

func (v *verifier) merge(partitions []*partition, look look) *merger {
	m := new(merger)
	for i, p := range partitions {
		m.readers = append(m.readers, &reader{
			partition: p, index: i, runs: v.cfg.Runs, seen: newArrivals(), fences: fencesOf(v.cfg.Fences, p.name()), look: look,
		})
	}
	m.at = m.readers
	return m
}

// next returns the reader whose record is next, or all of them where several
// have one of the same ver. There is none at the end.
func (m *merger) next() ([]*reader, error) {
	for _, r := range m.at {
		if err := r.advance(); err != nil {
			return nil, err
		}
	}
	m.at = nil
	for _, r := range m.readers {
		if r.record == nil || len(m.at) > 0 && r.ver > m.at[0].ver {
			continue
		}
		if len(m.at) > 0 && r.ver < m.at[0].ver {
			m.at = nil
		}
		m.at = append(m.at, r)
	}
	return m.at, nil
}

func (m *merger) close() {
	for _, r := range m.readers {
		r.close()
	}
}
