package kinesis_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

const patience = 20 * time.Second

// listen makes a proxy in front of a target.
func listen(t testing.TB, target string) *fault.Proxy {
	t.Helper()
	p, err := fault.Listen(1, target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// A world is a stream of a real stand-in and a proxy that leads to it.
type world struct {
	*fault.Proxy
	client *kinesis.Client // by the proxy
	server *servers.KinesisServer
	stream string
}

func newWorld(t *testing.T, shards int) *world {
	t.Helper()
	s := servers.Kinesis(t, local.Kinesalite)
	p := listen(t, s.Endpoint)
	by := s.KinesisAddress
	by.Endpoint = p.Endpoint()
	return &world{p, by.Client(), s, s.Stream(t, shards)}
}

// entries returns one record for each lane from the first to before the last, with
// size bytes of data and key together.
func entries(first, last, size int) (all []types.PutRecordsRequestEntry) {
	for lane := first; lane < last; lane++ {
		at := new(big.Int).Lsh(big.NewInt(int64(lane)), 118)
		key, point := fmt.Sprint(lane), at.SetBit(at, 117, 1).String()
		data := []byte(strings.Repeat("x", size-len(key)))
		all = append(all, types.PutRecordsRequestEntry{PartitionKey: &key, ExplicitHashKey: &point, Data: data})
	}
	return all
}

// put puts records, and returns what Kinesis says of each.
func (w *world) put(t *testing.T, records []types.PutRecordsRequestEntry) []types.PutRecordsResultEntry {
	t.Helper()
	out, err := w.client.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: &w.stream, Records: records})
	if err != nil {
		t.Fatalf("put records: %v", err)
	}
	failed := 0
	for _, r := range out.Records {
		if r.ErrorCode != nil {
			failed++
		} else if r.SequenceNumber == nil || r.ShardId == nil {
			t.Fatalf("put records: got %+v, want a sequence number and a shard", r)
		}
	}
	if int(*out.FailedRecordCount) != failed || len(out.Records) != len(records) {
		t.Fatalf("put records: got a count of %d and %d results, want %d and %d", *out.FailedRecordCount, len(out.Records), failed, len(records))
	}
	return out.Records
}

// code returns the error of a result, "" if it has none.
func code(r types.PutRecordsResultEntry) string {
	if r.ErrorCode == nil {
		return ""
	}
	return *r.ErrorCode
}

// clean wants that the client of a test did nothing wrong.
func (w *world) clean(t *testing.T) {
	t.Helper()
	if got := w.Violations(); len(got) > 0 {
		t.Errorf("violations: got %q, want none", got)
	}
}

// bottomless starts a target that takes every record and keeps none: a stand-in
// would be what limits a measurement.
func bottomless(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		records := make([]map[string]string, strings.Count(string(body), `"PartitionKey"`))
		for i := range records {
			records[i] = map[string]string{"ShardId": "shardId-000000000000", "SequenceNumber": fmt.Sprint(i)}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"FailedRecordCount": 0, "Records": records})
	}))
	t.Cleanup(s.Close)
	return s.URL
}
