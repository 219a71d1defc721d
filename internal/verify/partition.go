package verify

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A partition is records that the sink keeps in order: a file of the file sink, a
// partition of a topic in Kafka as Kafka.Copy copied it, or what a lane of Kinesis
// holds of a table as Stream.Copy copied it.
type partition struct {
	*lines
	// read reads a line of a copy, and reports whether it is a record of this
	// partition; nil for a file of the file sink, whose lines are its records.
	read  func(p *partition, line []byte) (record []byte, ours bool, err error)
	table string // of a lane; "" for all tables
	key   []byte // of the last record of a topic, valid until the next one
	place int64  // behind the last record, as Fence.Sizes counts
}

// next returns the value of the next record, valid until the next call, or
// io.EOF.
func (p *partition) next() ([]byte, error) {
	for {
		line, err := p.lines.next()
		if err != nil {
			return nil, err
		}
		if p.read == nil {
			p.place = p.end
			return line, nil
		}
		record, ours, err := p.read(p, line)
		if err != nil || ours {
			return record, err
		}
	}
}

// topicRecord reads a line of a copy of Kafka's.
func topicRecord(p *partition, line []byte) (record []byte, ours bool, err error) {
	offset, rest, _ := bytes.Cut(line, []byte("\t"))
	key, value, whole := bytes.Cut(rest, []byte("\t"))
	n, err := strconv.ParseInt(string(offset), 10, 64)
	if err != nil || !whole {
		return nil, false, p.broken("it is no copy of a record")
	}
	p.key, p.place = key, n+1
	return value, true, nil
}

// copyName returns the name of the file that Kafka.Copy copies a partition to:
// a line for each record, its offset, key and value with tabs between. Neither
// JSON nor the keys hold a tab or a line break.
func copyName(topic string, partition int32) string {
	return topic + "-" + strconv.Itoa(int(partition)) + ".tsv"
}

// data opens the partitions of a table's topic.
func (v *verifier) data(table string) ([]*partition, error) {
	if v.stream != nil {
		return v.stream.data(table), nil
	}
	return v.open(v.topic(table), v.topic(table))
}

// control opens the partitions of a topic that holds no events.
func (v *verifier) control(name string) ([]*partition, error) {
	return v.open(v.cfg.Name+"."+name, "_"+name)
}

// open opens all partitions of a topic, or its file. There is at least one: a
// topic that is not there has one without records.
func (v *verifier) open(topic, file string) ([]*partition, error) {
	if v.cfg.PartitionBy == "" {
		l, err := openLines(filepath.Join(v.cfg.Events, file+".ndjson"))
		return []*partition{{lines: l}}, err
	}
	var all []*partition
	for {
		path := filepath.Join(v.cfg.Events, copyName(topic, int32(len(all))))
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && len(all) > 0 {
			return all, nil
		}
		l, err := openLines(path)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, &partition{lines: l, read: topicRecord})
	}
}

func closeAll(all []*partition) {
	for _, p := range all {
		p.close()
	}
}
