package verify

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tailrace/tailrace/internal/workload"
)

// A stream is the copy of one of Kinesis, whose lanes are read side by side.
type stream struct {
	file  *os.File
	lanes [lanes]section
}

// A section is where in the copy a lane is.
type section struct {
	from, to int64
	lines    int // before it
}

// openStream finds the lanes of a copy.
func openStream(folder string) (*stream, error) {
	l, err := openLines(filepath.Join(folder, streamCopy))
	if err != nil {
		return nil, err
	}
	defer l.close()
	s := new(stream)
	last := -1
	for {
		begin, number := l.end, l.number
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		text, _, _ := bytes.Cut(line, []byte("\t"))
		lane, err := laneOf(string(text))
		if err != nil || lane < last {
			return nil, l.broken("the copy has its lanes not in their order")
		}
		if lane != last {
			last = lane
			s.lanes[lane] = section{from: begin, lines: number}
		}
		s.lanes[lane].to = l.end
	}
	s.file, err = os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return s, nil
}

// lane returns what a lane holds of a table, "" for all of them.
func (s *stream) lane(n int, table string) *partition {
	at := s.lanes[n]
	r := io.NewSectionReader(s.file, at.from, at.to-at.from)
	return &partition{
		lines: &lines{path: s.file.Name(), buf: bufio.NewReaderSize(r, 8<<10), number: at.lines},
		read:  laneRecord, table: table,
	}
}

// laneRecord reads a line of the copy.
func laneRecord(p *partition, line []byte) (record []byte, ours bool, err error) {
	fields := bytes.SplitN(line, []byte("\t"), 4)
	if len(fields) != 4 {
		return nil, false, p.broken("it is no copy of a record")
	}
	if p.place, err = strconv.ParseInt(string(fields[1]), 10, 64); err != nil {
		return nil, false, p.broken("it is no copy of a record")
	}
	return fields[3], p.table == "" || p.table == string(fields[2]), nil
}

// data opens what all lanes hold of a table.
func (s *stream) data(table string) []*partition {
	all := make([]*partition, lanes)
	for n := range all {
		all[n] = s.lane(n, table)
	}
	return all
}

func (s *stream) close() { _ = s.file.Close() } // it was only read

// lanes verifies what the tables can't show one by one: that a lane's events of
// all of them are in order, and that none is of a table of which nobody knows.
func (v *verifier) lanes() error {
	var tables []string
	for _, t := range workload.Tables(v.cfg.Kind) {
		tables = append(tables, t.Name)
	}
	look := func(_ int, record []byte) (string, bool, error) {
		var c change
		if err := json.Unmarshal(record, &c); err != nil {
			return "", false, fmt.Errorf("it is no event: %w", err)
		}
		if !slices.Contains(tables, c.Source.Table) {
			return "", false, errors.New("it is of no table of the workload")
		}
		return c.Ver, c.read(), nil
	}
	for n := range lanes {
		r := v.merge([]*partition{v.stream.lane(n, "")}, look).readers[0]
		for {
			if err := r.advance(); err != nil {
				return err
			}
			if r.record == nil {
				break
			}
		}
		v.report.Runs = max(v.report.Runs, r.seen.runs)
		v.report.Bytes += r.end
	}
	return nil
}
