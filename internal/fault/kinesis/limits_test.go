package kinesis_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
)

func TestACallOverALimitIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Limit(fault.Limits{RecordsPerCall: 5, BytesPerCall: 1 << 20, BytesPerRecord: 500_000})
	for _, c := range []struct {
		name, want string
		records    []types.PutRecordsRequestEntry
	}{
		{"as many records as are allowed", "", entries(0, 5, 10)},
		{"one more", "ValidationException", entries(0, 6, 10)},
		{"as large a record as is allowed", "", entries(0, 1, 500_000)},
		{"a larger one", "ValidationException", entries(0, 1, 500_001)},
		{"more bytes than are allowed", "InvalidArgumentException", entries(0, 3, 400_000)},
	} {
		_, err := w.client.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: &w.stream, Records: c.records})
		got := ""
		var api smithy.APIError
		if errors.As(err, &api) {
			got = api.ErrorCode()
		}
		if got != c.want {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if got := len(w.server.Consume(t, w.stream)); got != 6 || w.Seen().Refused != 3 {
		t.Errorf("got %d records and %+v, want 6 and 3 refused calls", got, w.Seen())
	}
}

// flood puts a call again and again, each time those of its records that no shard
// has taken, until all are taken, when it begins anew; it ends when all shards
// together have taken enough bytes. It returns how many each took, and how long it
// was at it.
func (w *world) flood(t *testing.T, enough int, all []types.PutRecordsRequestEntry) (map[string]int, time.Duration) {
	t.Helper()
	taken, sum := map[string]int{}, 0
	begin := time.Now()
	var left []types.PutRecordsRequestEntry
	for sum < enough {
		if time.Since(begin) > patience {
			t.Fatalf("got %d bytes in %v, want %d", sum, patience, enough)
		}
		if len(left) == 0 {
			left = slices.Clone(all)
		}
		var again []types.PutRecordsRequestEntry
		for i, r := range w.put(t, left) {
			switch code(r) {
			case "":
				size := len(left[i].Data) + len(*left[i].PartitionKey)
				taken[*r.ShardId] += size
				sum += size
			case "ProvisionedThroughputExceededException":
				if !strings.HasPrefix(*r.ErrorMessage, "Rate exceeded for shard shardId-0000000000") {
					t.Fatalf("message: got %q, want the rate of a shard", *r.ErrorMessage)
				}
				again = append(again, left[i])
			default:
				t.Fatalf("put records: got %s", code(r))
			}
		}
		left = again
	}
	return taken, time.Since(begin)
}

func TestAShardTakesItsRateAndNoMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		limits fault.Limits
		bytes  float64 // a second
	}{
		{"in bytes", fault.Limits{BytesPerSecond: 50_000}, 50_000},
		{"in records", fault.Limits{RecordsPerSecond: 100}, 100 * 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.Limit(c.limits)
			taken, took := w.flood(t, int(5*c.bytes), entries(480, 544, 1000))
			if len(taken) != 2 {
				t.Errorf("shards: got %v, want two", taken)
			}
			for id, got := range taken {
				// A second's worth comes at once.
				most := c.bytes * (took.Seconds() + 1)
				if float64(got) > most {
					t.Errorf("%s took %d bytes in %v, want at most %.0f", id, got, took, most)
				}
			}
			w.clean(t)
		})
	}
}

func TestAStreamTakesAsAWholeWhatItAccepts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.Accept(50_000)
	taken, took := w.flood(t, 125_000, entries(400, 700, 500))
	sum := 0
	for _, got := range taken {
		sum += got
	}
	if most := 50_000 * (took.Seconds() + 1); float64(sum) > most {
		t.Errorf("got %d bytes in %v, want at most %.0f", sum, took, most)
	}
	w.Accept(0)
	for _, r := range w.put(t, entries(0, 500, 1000)) {
		if code(r) != "" {
			t.Fatalf("put records without a limit: got %s", code(r))
		}
	}
}

func TestARecordAboveTheRatePassesWhenNothingHasComeForASecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Limit(fault.Limits{BytesPerSecond: 1000})
	for i, want := range []string{"", "ProvisionedThroughputExceededException"} {
		if got := code(w.put(t, entries(0, 1, 100_000))[0]); got != want {
			t.Errorf("record %d: got %q, want %q", i, got, want)
		}
	}
}

func TestTheRatesFollowTheShards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	records := append(entries(0, 1, 10), entries(1000, 1001, 10)...)
	codes := func() (all []string) {
		for _, r := range w.put(t, records) {
			all = append(all, code(r))
		}
		return all
	}
	const no = "ProvisionedThroughputExceededException"
	one := fault.Limits{RecordsPerSecond: 1.0 / 1024} // and no other for a quarter of an hour
	w.Limit(one)
	if got, want := codes(), []string{"", no}; !slices.Equal(got, want) {
		t.Errorf("one shard: got %q, want %q", got, want)
	}
	// Behind the proxy's back, and so it learns of it from an answer.
	w.server.Split(t, w.stream, "shardId-000000000000")
	w.Limit(one)
	if got, want := codes(), []string{"", no}; !slices.Equal(got, want) {
		t.Errorf("two shards of which the proxy has not heard: got %q, want %q", got, want)
	}
	if got, want := codes(), []string{"", ""}; !slices.Equal(got, want) {
		t.Errorf("two shards: got %q, want %q", got, want)
	}
	// By the proxy, and so it learns of it at once.
	by := w.server.KinesisAddress
	by.Endpoint = w.Endpoint()
	open := w.server.OpenShards(t, w.stream)
	if err := by.Merge(t.Context(), w.stream, open[0], open[1]); err != nil {
		t.Fatal(err)
	}
	if got, want := codes(), []string{"", no}; !slices.Equal(got, want) {
		t.Errorf("merged: got %q, want %q", got, want)
	}
}
