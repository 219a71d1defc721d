package servers_test

import (
	"crypto/md5"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// eachKinesis runs a test on every stand-in for Kinesis.
func eachKinesis(t *testing.T, test func(t *testing.T, product local.KinesisProduct)) {
	for _, product := range servers.KinesisProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			test(t, product)
		})
	}
}

// A kinesisWriter puts numbered records, and knows what was put of each key.
type kinesisWriter struct {
	client *kinesis.Client
	stream string
	put    map[string][]string // data by key
	ids    map[string]string   // the shard of each key, at last
}

func newKinesisWriter(s *servers.KinesisServer, stream string) *kinesisWriter {
	return &kinesisWriter{client: s.Client(), stream: stream, put: make(map[string][]string), ids: make(map[string]string)}
}

// round puts one record of each of n keys in one call, each key at a fixed point of
// the hash space.
func (w *kinesisWriter) round(t *testing.T, n int, padding string) {
	t.Helper()
	in := &kinesis.PutRecordsInput{StreamName: &w.stream}
	step := new(big.Int).Rsh(new(big.Int).Lsh(big.NewInt(1), 128), 9) // 512 points
	for i := range n {
		key := fmt.Sprint(i)
		point := new(big.Int).Mul(step, big.NewInt(int64(i*37%512))).String() // few are everywhere, too
		data := fmt.Sprintf("%s-%d%s", key, len(w.put[key]), padding)
		w.put[key] = append(w.put[key], data)
		in.Records = append(in.Records, types.PutRecordsRequestEntry{PartitionKey: &key, ExplicitHashKey: &point, Data: []byte(data)})
	}
	out, err := w.client.PutRecords(t.Context(), in)
	if err != nil {
		t.Fatalf("put records: %v", err)
	}
	if got := *out.FailedRecordCount; got != 0 {
		t.Fatalf("put records: %d failed, want none", got)
	}
	for i, r := range out.Records {
		w.ids[*in.Records[i].PartitionKey] = *r.ShardId
	}
}

// check wants that what was consumed is what was put, each key's in order, and
// each shard's by sequence number.
func (w *kinesisWriter) check(t *testing.T, records []servers.KinesisRecord) {
	t.Helper()
	got := make(map[string][]string)
	last := make(map[string]*big.Int)
	for _, r := range records {
		got[r.PartitionKey] = append(got[r.PartitionKey], string(r.Data))
		at, ok := new(big.Int).SetString(r.Sequence, 10)
		if before := last[r.ShardID]; !ok || before != nil && before.Cmp(at) >= 0 {
			t.Fatalf("sequence in %s: got %s behind %v, want a higher one", r.ShardID, r.Sequence, before)
		}
		last[r.ShardID] = at
		if r.Arrival.IsZero() {
			t.Fatalf("arrival of %s: got none", r.Sequence)
		}
	}
	if !maps.EqualFunc(got, w.put, slices.Equal) {
		for key, want := range w.put {
			if !slices.Equal(got[key], want) {
				t.Fatalf("key %s: got %d records %.80q, want %d in order", key, len(got[key]), got[key], len(want))
			}
		}
		t.Fatalf("keys: got %d, want %d", len(got), len(w.put))
	}
}

func TestAStreamGivesBackWhatWasPut(t *testing.T) {
	t.Parallel()
	eachKinesis(t, func(t *testing.T, product local.KinesisProduct) {
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 3)
		w := newKinesisWriter(s, stream)
		if got := s.Consume(t, stream); len(got) != 0 {
			t.Errorf("records of a new stream: got %d, want none", len(got))
		}
		w.round(t, 500, "")
		w.check(t, s.Consume(t, stream))
		if got := len(slices.Compact(slices.Sorted(maps.Values(w.ids)))); got != 3 {
			t.Errorf("shards that took records: got %d, want 3", got)
		}
	})
}

func TestARecordWithoutAHashKeyGoesByItsPartitionKey(t *testing.T) {
	t.Parallel()
	eachKinesis(t, func(t *testing.T, product local.KinesisProduct) {
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 2)
		sums, half := map[string]*big.Int{}, new(big.Int).Lsh(big.NewInt(1), 127)
		client := s.Client()
		for i := range 10 {
			key := fmt.Sprint("key ", i)
			sum := md5.Sum([]byte(key))
			sums[key] = new(big.Int).SetBytes(sum[:])
			in := &kinesis.PutRecordInput{StreamName: &stream, PartitionKey: &key, Data: []byte("x")}
			if _, err := client.PutRecord(t.Context(), in); err != nil {
				t.Fatalf("put a record: %v", err)
			}
		}
		ids := s.OpenShards(t, stream)
		records := s.Consume(t, stream)
		if len(records) != len(sums) {
			t.Fatalf("records: got %d, want %d", len(records), len(sums))
		}
		for _, r := range records {
			want := ids[0]
			if sums[r.PartitionKey].Cmp(half) >= 0 {
				want = ids[1]
			}
			if r.ShardID != want {
				t.Errorf("shard of %q: got %s, want %s", r.PartitionKey, r.ShardID, want)
			}
		}
	})
}

func TestSplitsAndMergesKeepTheOrderOfAHashKey(t *testing.T) {
	t.Parallel()
	eachKinesis(t, func(t *testing.T, product local.KinesisProduct) {
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 2)
		w := newKinesisWriter(s, stream)
		w.round(t, 100, "")
		for _, change := range []struct {
			does func(open []string)
			want int
		}{
			{func(open []string) { s.Split(t, stream, open[0]) }, 3},
			{func(open []string) { s.Split(t, stream, open[2]) }, 4},
			{func(open []string) { s.Merge(t, stream, open[1], open[2]) }, 3},
			{func(open []string) { s.Split(t, stream, open[1]) }, 4},
			{func(open []string) { s.Merge(t, stream, open[0], open[1]) }, 3},
		} {
			before := s.OpenShards(t, stream)
			change.does(before)
			after := s.OpenShards(t, stream)
			if len(after) != change.want {
				t.Fatalf("open shards: got %v after %v, want %d", after, before, change.want)
			}
			w.round(t, 100, "")
			w.round(t, 100, "")
			for key, id := range w.ids {
				if !slices.Contains(after, id) {
					t.Fatalf("shard of key %s: got %s, want one of %v", key, id, after)
				}
			}
			w.check(t, s.Consume(t, stream))
		}
	})
}

func TestAStandInHoldsManyRecords(t *testing.T) {
	t.Parallel()
	eachKinesis(t, func(t *testing.T, product local.KinesisProduct) {
		rounds := 40
		if product == local.KinesisLocal {
			rounds = 8 // it is too slow for more where others have work to do, too
		}
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 4)
		w := newKinesisWriter(s, stream)
		for range rounds {
			w.round(t, 500, strings.Repeat("x", 200))
		}
		w.check(t, s.Consume(t, stream))
	})
}

func TestADeletedStreamIsGone(t *testing.T) {
	t.Parallel()
	eachKinesis(t, func(t *testing.T, product local.KinesisProduct) {
		s := servers.Kinesis(t, product)
		stream := s.Stream(t, 1)
		s.Delete(t, stream)
		names, err := s.Streams(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(names, stream) {
			t.Errorf("streams: got %v, want them without %s", names, stream)
		}
	})
}

func TestRecordsMayBeLargerOnceTheyAreLetTo(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.KinesisLocal)
	stream := s.Stream(t, 1)
	key, data := "k", make([]byte, 1<<20+1)
	put := func() types.PutRecordsResultEntry {
		t.Helper()
		out, err := s.Client().PutRecords(t.Context(), &kinesis.PutRecordsInput{
			StreamName: &stream, Records: []types.PutRecordsRequestEntry{{PartitionKey: &key, Data: data}},
		})
		if err != nil {
			t.Fatalf("put a record: %v", err)
		}
		return out.Records[0]
	}
	if put().ErrorCode == nil {
		t.Error("put more than 1 MiB: got no error")
	}
	s.Grow(t, stream, 2048)
	if got := put(); got.ErrorCode != nil {
		t.Errorf("put more than 1 MiB once 2 are allowed: got %s", *got.ErrorCode)
	}
	if got := s.Consume(t, stream); len(got) != 1 || len(got[0].Data) != len(data) {
		t.Errorf("records: got %d, want the one", len(got))
	}
}
