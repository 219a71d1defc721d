package verify_test

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/internal/verify"
)

// lanes is how many a stream has.
const lanes = 1024

// A stream is the sink good, with a TRUNCATE, as a stream of Kinesis has it: rows a
// and b of stock and the journal are in lane 3, row c is in lane 700, which comes between two of them.
type stream struct {
	*sink
	packing string
	records []local.KinesisRecord
}

// began is when the first record arrived; each of the others comes a second later.
var began = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func goodStream(t *testing.T, packing string) *stream {
	t.Helper()
	s := &stream{sink: good(t), packing: packing}
	s.transaction(t, "105", 1, 0x5000, map[string][]string{"readings": {`{"op":"t","before":null,"after":null`}})
	var low, high []string
	for _, e := range slices.Concat(s.events[stock], s.events[journal]) {
		if regexp.MustCompile(`"sku":"c"`).MatchString(e) {
			high = append(high, e)
		} else {
			low = append(low, e)
		}
	}
	ver := regexp.MustCompile(`"ver":"[^"]*"`)
	slices.SortFunc(low, func(a, b string) int { return cmp.Compare(ver.FindString(a), ver.FindString(b)) })
	s.put(3, low[:4]...)
	s.put(700, high...)
	s.put(3, low[4:]...)
	for lane := range lanes {
		s.put(lane, s.events["shop.public.readings.ndjson"][0])
	}
	return s
}

// put appends events to a lane, in records as the packing has them.
func (s *stream) put(lane int, events ...string) {
	key := strconv.Itoa(lane)
	switch {
	case s.packing == verify.PackedLines:
		text := ""
		for _, e := range events {
			text += e + "\n"
		}
		s.record(key, text)
	case s.packing == verify.PackedKPL && len(events) > 1:
		s.record(key, aggregate(key, pointOf(lane), events...))
	default:
		for _, e := range events {
			s.record(key, e+"\n")
		}
	}
}

func (s *stream) record(key, data string) {
	n := len(s.records)
	s.records = append(s.records, local.KinesisRecord{
		PartitionKey: key, Data: []byte(data), ShardID: "shardId-000000000000", Sequence: strconv.Itoa(n),
		Arrival: began.Add(time.Duration(n) * time.Second),
	})
}

// again puts a record at a place once more.
func (s *stream) again(n, at int) {
	s.records = slices.Insert(slices.Clone(s.records), at, s.records[n])
}

func (s *stream) verify(t *testing.T) (verify.Report, error) {
	t.Helper()
	folder := t.TempDir()
	if err := (verify.Stream{Packing: s.packing}).Copy(folder, s.records); err != nil {
		return verify.Report{}, err
	}
	s.by, s.isStream = verify.ByKey, true
	return s.verifyFolder(t, folder)
}

// pointOf is the lane's hash key.
func pointOf(lane int) string {
	n := big.NewInt(int64(lane))
	n.Lsh(n, 118)
	return n.Add(n, new(big.Int).Lsh(big.NewInt(1), 117)).String()
}

// aggregate packs events as the Kinesis Producer Library does, with a line break
// after each.
func aggregate(key, point string, events ...string) string {
	field := func(dst []byte, number int, text string) []byte {
		dst = binary.AppendUvarint(dst, uint64(number)<<3|2)
		return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	message := field(field(nil, 1, key), 2, point)
	for _, e := range events {
		message = field(message, 3, string(field([]byte{1 << 3, 0, 2 << 3, 0}, 3, e+"\n")))
	}
	sum := md5.Sum(message)
	return "\xf3\x89\x9a\xc2" + string(message) + string(sum[:])
}
