package siege

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/stress/walk"
	"github.com/tailrace/tailrace/internal/verify"
)

// judge holds what was published of each table against the oracle.
func (s *siege) judge(ctx context.Context) error {
	if s.cfg.Broker != "" {
		k, err := verify.OpenKafka(s.cfg.Broker, name, false)
		if err != nil {
			return err
		}
		defer k.Close()
		if err := k.Copy(ctx, s.events); err != nil {
			return err
		}
	}
	for _, t := range walk.Tables(s.kind) {
		rows, err := walk.Rows(ctx, s.cfg.URL, t.Name)
		if err != nil {
			return err
		}
		partitions, err := s.partitions(t.Name)
		if err != nil {
			return err
		}
		report, err := oracle.Check(t, partitions, rows)
		if err != nil {
			return err
		}
		s.say("%s: %d events, %d of them read, %d again, %d rows", t.Name, report.Events, report.Read, report.Again, report.Rows)
		s.result.Oracle.Add(report)
	}
	return nil
}

// partitions returns what was published of a table.
func (s *siege) partitions(table string) ([]oracle.Partition, error) {
	topic := name + "." + s.schema + "." + table
	if s.cfg.Broker == "" {
		return []oracle.Partition{read(filepath.Join(s.events, topic+".ndjson"), false)}, nil
	}
	var all []oracle.Partition
	for {
		// As verify.Kafka.Copy names them.
		path := filepath.Join(s.events, fmt.Sprintf("%s-%d.tsv", topic, len(all)))
		_, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("siege: %w", err)
		}
		all = append(all, read(path, true))
	}
}

// read yields the lines of a file: events, or offset, key and event.
func read(path string, copied bool) oracle.Partition {
	return func(yield func(oracle.Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(oracle.Record{}, fmt.Errorf("siege: %w", err))
			return
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			r := oracle.Record{Value: lines.Bytes()}
			if copied {
				_, rest, _ := bytes.Cut(r.Value, []byte("\t"))
				r.Key, r.Value, _ = bytes.Cut(rest, []byte("\t"))
				if len(r.Key) == 0 {
					r.Key = nil
				}
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(oracle.Record{}, fmt.Errorf("siege: read %s: %w", path, err))
		}
	}
}
