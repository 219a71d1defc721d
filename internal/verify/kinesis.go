package verify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// What Stream.Packing may be: how events are packed into the records of a stream.
const (
	PackedLines = "lines" // each record holds one or more, each with a line break
	PackedNone  = "none"  // each record holds one
	PackedKPL   = "kpl"   // as the Kinesis Producer Library does
)

// A Stream is one of Kinesis that a daemon publishes to. It has no records of
// progress, and a place in it is a time: when a record arrived, in milliseconds.
type Stream struct{ Packing string }

var _ Sink = Stream{}

// lanes is how many partition keys the records of a stream have. Those of each
// have an order.
const lanes = 1024

// streamCopy is the file that a stream is copied to.
const streamCopy = "stream.tsv"

// Sizes says that what is there has arrived by now.
func (Stream) Sizes(context.Context) (map[string]int64, error) {
	return map[string]int64{streamCopy: time.Now().UnixMilli()}, nil
}

// Progress returns "".
func (Stream) Progress(context.Context) (string, error) { return "", nil }

// Copy writes the events of a stream to a folder, from which they are verified.
// It is given the records of all shards, those of a partition key in order, and
// unpacks them. In the copy are the events of one lane after those of another, a
// line for each: lane, time of arrival, table and event with tabs between.
func (s Stream) Copy(folder string, records []local.KinesisRecord) error {
	var all [lanes][]arrived
	first := make(map[string]time.Time) // of each shard
	for i := range records {
		r := &records[i]
		if _, known := first[r.ShardID]; !known {
			first[r.ShardID] = r.Arrival
		}
		at := r.Arrival
		if at.Equal(first[r.ShardID]) {
			// Kinesalite dates what comes in the first second of a new shard by
			// the end of that second.
			at = at.Add(-time.Second)
		}
		lane, err := laneOf(r.PartitionKey)
		if err != nil {
			return &Violation{File: streamCopy, What: err.Error()}
		}
		events, err := s.unpack(r, lane)
		if err != nil {
			return &Violation{File: streamCopy, What: fmt.Sprintf("record %s of lane %d in %s: %v", r.Sequence, lane, r.ShardID, err)}
		}
		for _, e := range events {
			all[lane] = append(all[lane], arrived{at, e})
		}
	}
	f, err := os.Create(filepath.Join(folder, streamCopy))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	buf := bufio.NewWriter(f)
	for lane, events := range all {
		for _, e := range events {
			fmt.Fprintf(buf, "%d\t%d\t%s\t%s\n", lane, e.at.UnixMilli(), tableOf(e.event), e.event) // Flush says what went wrong
		}
	}
	if err := errors.Join(buf.Flush(), f.Close()); err != nil {
		return fmt.Errorf("verify: copy a stream: %w", err)
	}
	return nil
}

// arrived is an event in a stream.
type arrived struct {
	at    time.Time
	event []byte
}

func laneOf(partitionKey string) (int, error) {
	lane, err := strconv.Atoi(partitionKey)
	if err != nil || lane < 0 || lane >= lanes || strconv.Itoa(lane) != partitionKey {
		return 0, errors.New("a record's partition key is not the number of a lane")
	}
	return lane, nil
}

// unpack returns the events in a record.
func (s Stream) unpack(r *local.KinesisRecord, lane int) ([][]byte, error) {
	if s.Packing != PackedKPL {
		return s.lines(r.Data)
	}
	packed, err := deaggregate(r.Data)
	if errors.Is(err, errNoAggregate) {
		return Stream{PackedNone}.lines(r.Data) // one alone is not aggregated
	}
	if err != nil {
		return nil, err
	}
	if len(packed) < 2 {
		return nil, fmt.Errorf("%d events are aggregated", len(packed))
	}
	var all [][]byte
	for _, p := range packed {
		// The Client Library throws an aggregate away whose records are not all of
		// the record's own shard.
		if p.partitionKey != r.PartitionKey || p.hashKey != middleOf(lane) {
			return nil, errors.New("a record in an aggregate has the key of another lane")
		}
		one, err := Stream{PackedNone}.lines(p.data)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// lines cuts data, which must end with a line break.
func (s Stream) lines(data []byte) ([][]byte, error) {
	text, whole := bytes.CutSuffix(data, []byte("\n"))
	if !whole {
		return nil, errors.New("its last event has no line break")
	}
	all := bytes.Split(text, []byte("\n"))
	if s.Packing == PackedNone && len(all) != 1 {
		return nil, fmt.Errorf("%d events are in one record", len(all))
	}
	return all, nil
}

// middleOf returns the middle of a lane's part of the hash space of 128 bits.
func middleOf(lane int) string {
	part := new(big.Int).Lsh(big.NewInt(1), 128)
	part.Div(part, big.NewInt(2*lanes))
	return part.Mul(part, big.NewInt(int64(2*lane+1))).String()
}

// tableOf returns the table that an event names, "" for what is no event.
func tableOf(event []byte) string {
	var c struct {
		Source struct {
			Table string `json:"table"`
		} `json:"source"`
	}
	if json.Unmarshal(event, &c) != nil || bytes.ContainsAny([]byte(c.Source.Table), "\t\n") {
		return ""
	}
	return c.Source.Table
}
