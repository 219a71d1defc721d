package kinesis_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tailrace/tailrace/publish/kinesis"
)

// A service is a Kinesis without a network, for what a stand-in can't be made to
// answer, and for tests in which time is made up. It is the HTTP client of a
// Publisher. Streams are active and have the shards that are given.
type service struct {
	shards map[string]int // by stream
	trip   time.Duration  // how long a call takes
	forget bool           // it keeps nothing of what it stores

	// What a shard takes a second, and at once after a second's pause; 0 is for all.
	bytesPerSecond, recordsPerSecond float64

	mu     sync.Mutex
	answer func(operation string) (*http.Response, error) // nil, nil for the usual
	refuse func(r putRecord) string                       // the code of a record that is refused, "" for none
	auto   bool                                           // the streams spread records by themselves
	calls  []putCall

	flying  map[string]bool // hash keys of calls that are not over
	overlap int             // hash keys that came while they were flying, or twice in a call

	rates     map[string]*rate // by shard
	throttled int              // records
	bytes     int              // stored, with keys
}

// A rate is a strict bucket of one shard.
type rate struct {
	bytes, records float64
	at             time.Time
}

// A putCall is one PutRecords, and what became of its records.
type putCall struct {
	at      time.Time
	stream  string
	records []putRecord
	stored  []bool
}

type putRecord struct {
	Data            []byte
	ExplicitHashKey string
	PartitionKey    string
}

// config is for a stream of the service.
func (s *service) config(stream string) kinesis.Config {
	return kinesis.Config{
		AWS:      aws.Config{Region: "us-east-1", Credentials: static("AKIDTEST", "session-token"), HTTPClient: s},
		Endpoint: "http://kinesis.invalid", Stream: stream,
	}
}

// Do answers one call.
func (s *service) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	defer s.fly(body)()
	if err := s.travel(r.Context()); err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if forced, err := answer(operation); forced != nil || err != nil {
			return forced, err
		}
	}
	var in struct {
		StreamName string
		Records    []putRecord
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if s.shards[in.StreamName] == 0 {
		return refusal(http.StatusBadRequest, "ResourceNotFoundException", "no stream"), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch operation {
	case "DescribeStreamSummary":
		summary := map[string]any{"StreamName": in.StreamName, "StreamStatus": "ACTIVE", "RecordDistributionStrategy": "USER_PARTITION_KEY"}
		if s.auto {
			summary["RecordDistributionStrategy"] = "AUTO"
		}
		return respond(http.StatusOK, map[string]any{"StreamDescriptionSummary": summary}), nil
	case "ListShards":
		return respond(http.StatusOK, map[string]any{"Shards": s.ranges(in.StreamName)}), nil
	case "PutRecords":
		return respond(http.StatusOK, s.put(in.StreamName, in.Records)), nil
	}
	return refusal(http.StatusBadRequest, "UnknownOperationException", operation), nil
}

// fly notes the hash keys of a call until the function is called that it returns.
func (s *service) fly(body []byte) (over func()) {
	var in struct {
		Records []struct{ ExplicitHashKey string }
	}
	_ = json.Unmarshal(body, &in) // what is none has no records
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying == nil {
		s.flying = make(map[string]bool)
	}
	for _, r := range in.Records {
		if s.flying[r.ExplicitHashKey] {
			s.overlap++
		}
		s.flying[r.ExplicitHashKey] = true
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range in.Records {
			delete(s.flying, r.ExplicitHashKey)
		}
	}
}

// ordered wants that no lane ever had two records on their way.
func (s *service) ordered(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overlap > 0 {
		t.Errorf("got %d records that were sent while another one of their lane was on its way", s.overlap)
	}
}

func (s *service) travel(ctx context.Context) error {
	if s.trip == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(s.trip)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) ranges(stream string) []map[string]any {
	var all []map[string]any
	space, n := new(big.Int).Lsh(big.NewInt(1), 128), int64(s.shards[stream])
	edge := func(i int64) *big.Int {
		at := new(big.Int).Mul(space, big.NewInt(i))
		return at.Div(at, big.NewInt(n))
	}
	for i := range n {
		all = append(all, map[string]any{
			"ShardId":             fmt.Sprintf("shardId-%012d", i),
			"HashKeyRange":        map[string]any{"StartingHashKey": edge(i).String(), "EndingHashKey": new(big.Int).Sub(edge(i+1), big.NewInt(1)).String()},
			"SequenceNumberRange": map[string]any{"StartingSequenceNumber": "1"},
		})
	}
	return all
}

func (s *service) put(stream string, records []putRecord) map[string]any {
	call := putCall{at: time.Now(), stream: stream, records: records}
	failed := 0
	var results []map[string]any
	for _, r := range records {
		code, shard := "", s.shardOf(stream, r)
		if s.refuse != nil {
			code = s.refuse(r)
		}
		if code == "" && !s.fits(stream+shard, len(r.Data)+len(r.PartitionKey)) {
			s.throttled++
			code = "ProvisionedThroughputExceededException"
		}
		call.stored = append(call.stored, code == "")
		if code != "" {
			failed++
			results = append(results, map[string]any{"ErrorCode": code, "ErrorMessage": "refused: " + string(r.Data)})
			continue
		}
		s.bytes += len(r.Data) + len(r.PartitionKey)
		results = append(results, map[string]any{"ShardId": shard, "SequenceNumber": "1"})
	}
	if !s.forget {
		s.calls = append(s.calls, call)
	}
	return map[string]any{"FailedRecordCount": failed, "Records": results}
}

func (s *service) shardOf(stream string, r putRecord) string {
	point, _ := new(big.Int).SetString(r.ExplicitHashKey, 10)
	point.Mul(point, big.NewInt(int64(s.shards[stream])))
	return fmt.Sprintf("shardId-%012d", point.Rsh(point, 128))
}

// fits takes a record of so many bytes from what a shard has left, if it has that.
func (s *service) fits(shard string, size int) bool {
	if s.bytesPerSecond == 0 {
		return true
	}
	now := time.Now()
	if s.rates == nil {
		s.rates = make(map[string]*rate)
	}
	r := s.rates[shard]
	if r == nil {
		r = &rate{s.bytesPerSecond, s.recordsPerSecond, now}
		s.rates[shard] = r
	}
	gone := now.Sub(r.at).Seconds()
	r.at = now
	r.bytes = min(s.bytesPerSecond, r.bytes+gone*s.bytesPerSecond)
	r.records = min(s.recordsPerSecond, r.records+gone*s.recordsPerSecond)
	if r.records < 1 || r.bytes < min(float64(size), s.bytesPerSecond) {
		return false
	}
	r.bytes -= float64(size)
	r.records--
	return true
}

// took returns how many bytes it has stored, and how many records it has throttled.
func (s *service) took() (bytes, throttled int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.throttled
}

// change alters what the service does, between two calls.
func (s *service) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// seen returns the calls of PutRecords so far.
func (s *service) seen() []putCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]putCall(nil), s.calls...)
}

// stored returns the events of a stream by their lanes, in the order in which they
// were stored.
func (s *service) stored(t *testing.T, stream string, packing kinesis.Packing) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for _, call := range s.seen() {
		for i, r := range call.records {
			if call.stream != stream || !call.stored[i] {
				continue
			}
			events, err := unpack(packing, r.PartitionKey, r.Data)
			must(t, err)
			for _, e := range events {
				all[r.PartitionKey] = append(all[r.PartitionKey], string(e))
			}
		}
	}
	return all
}

// respond is an answer of the service.
func respond(status int, value any) *http.Response {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // of what a test has made
	}
	return raw(status, string(body))
}

// refusal is an answer that the service does not do what it was asked.
func refusal(status int, code, message string) *http.Response {
	return respond(status, map[string]any{"__type": code, "message": message})
}

// raw is an answer whose body may be anything.
func raw(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body:          io.NopCloser(bytes.NewReader([]byte(body))),
		ContentLength: int64(len(body)),
	}
}
