package kinesis_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"

	"github.com/tailrace/tailrace/internal/eventually"
	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
)

func TestAProxyWithoutRulesIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	for _, r := range w.put(t, entries(0, 500, 100)) {
		if code(r) != "" {
			t.Fatalf("put records: got %s, want no error", code(r))
		}
	}
	records := w.server.Consume(t, w.stream)
	if len(records) != 500 {
		t.Errorf("records: got %d, want 500", len(records))
	}
	got := w.Seen()
	if got.Calls != 1 || got.Records != 500 || got.Bytes != 50_000 || got.MaxRecords != 500 || got.MaxBytes != 50_000 || got.Taken != 500 || got.TakenBytes != 50_000 {
		t.Errorf("seen: got %+v, want one call of 500 records with 100 bytes each, all taken", got)
	}
	w.clean(t)
}

func TestRecordsThatAreDroppedFailAtTheirPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.Drop(0.3)
	codes, want := map[string]int{}, map[string]int{}
	for range 4 {
		records := entries(0, 500, 50)
		for i, r := range w.put(t, records) {
			codes[code(r)]++
			if code(r) == "" {
				want[*records[i].PartitionKey]++
			}
		}
	}
	got := map[string]int{}
	for _, r := range w.server.Consume(t, w.stream) {
		got[r.PartitionKey]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("records by key: got %v, want those without an error: %v", got, want)
	}
	dropped := codes["ProvisionedThroughputExceededException"] + codes["InternalFailure"]
	if dropped < 450 || dropped > 750 || w.Seen().Dropped != dropped || codes["InternalFailure"] != dropped/3 {
		t.Errorf("errors of 2,000 records: got %v and %+v, want about 600, every third of them internal", codes, w.Seen())
	}
	w.Drop(1)
	for _, r := range w.put(t, entries(0, 10, 50)) {
		if code(r) == "" {
			t.Error("a record while all are dropped: got no error")
		}
	}
	w.Drop(0)
	for _, r := range w.put(t, entries(0, 10, 50)) {
		if code(r) != "" {
			t.Errorf("a record when none is dropped any more: got %s", code(r))
		}
	}
	w.clean(t)
}

func TestCallsThatFailAreNotForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Fail(0.5)
	in := &kinesis.PutRecordsInput{StreamName: &w.stream, Records: entries(0, 1, 10)}
	codes, taken := map[string]int{}, 0
	spared, longest := 0, 0
	for range 200 {
		_, err := w.client.PutRecords(t.Context(), in)
		var api smithy.APIError
		switch {
		case err == nil:
			taken++
			spared++
			longest = max(longest, spared)
		case errors.As(err, &api):
			codes[api.ErrorCode()]++
			spared = 0
		default:
			t.Fatalf("put a record: got %v, want an answer", err)
		}
	}
	if longest != 2 {
		t.Errorf("calls in a row that did not fail: got %d at most, want 2", longest)
	}
	if codes["InternalFailure"] < 20 || codes["ServiceUnavailable"] < 20 || len(codes) != 2 || w.Seen().Failed+taken != 200 {
		t.Errorf("answers: got %v, and %d without error, want about 50, 50 and 100", codes, taken)
	}
	if got := len(w.server.Consume(t, w.stream)); got != taken {
		t.Errorf("records: got %d, want %d", got, taken)
	}
	w.clean(t)
}

func TestAnAnswerThatIsLostIsOfACallThatSucceeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Lose(1)
	in := &kinesis.PutRecordsInput{StreamName: &w.stream, Records: entries(0, 1, 10)}
	hung, cut := 0, 0
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := w.client.PutRecords(ctx, in)
		late := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
			t.Fatal("put a record: got no error")
		case late:
			hung++
		default:
			cut++
		}
	}
	if hung < 3 || cut < 3 {
		t.Errorf("got %d that hung and %d that were cut, want about ten of each", hung, cut)
	}
	eventually.True(t, patience, "all calls have come to their end", func() bool { return w.Seen().Lost == 20 })
	if got := len(w.server.Consume(t, w.stream)); got != 20 {
		t.Errorf("records: got %d, want 20", got)
	}
	w.clean(t)
}

func TestAnOperationIsAnsweredAsItIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	describe := func() (*types.StreamDescriptionSummary, error) {
		out, err := w.client.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &w.stream})
		if err != nil {
			return nil, err
		}
		return out.StreamDescriptionSummary, nil
	}
	w.Answer("DescribeStreamSummary", http.StatusBadRequest, "KMSDisabledException", "the key is disabled")
	_, err := describe()
	var disabled *types.KMSDisabledException
	if !errors.As(err, &disabled) || disabled.ErrorMessage() != "the key is disabled" {
		t.Errorf("describe: got %v, want that the key is disabled", err)
	}
	if r := w.put(t, entries(0, 1, 10))[0]; code(r) != "" {
		t.Errorf("another operation: got %s", code(r))
	}
	w.Answer("DescribeStreamSummary", 0, "", "")
	w.Rewrite("DescribeStreamSummary", func(body map[string]any) {
		summary := body["StreamDescriptionSummary"].(map[string]any)
		summary["StreamStatus"], summary["MaxRecordSizeInKiB"] = "UPDATING", 2048
	})
	summary, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	if summary.StreamStatus != types.StreamStatusUpdating || *summary.MaxRecordSizeInKiB != 2048 || *summary.OpenShardCount != 1 {
		t.Errorf("describe: got %+v, want the target's with another status and size", summary)
	}
	w.Rewrite("DescribeStreamSummary", nil)
	if summary, err = describe(); err != nil || summary.StreamStatus != types.StreamStatusActive {
		t.Errorf("describe: got %v, %v, want the target's answer", summary, err)
	}
}

func TestSignaturesAndTokensExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	list := func(options ...func(*kinesis.Options)) error {
		_, err := w.client.ListStreams(t.Context(), &kinesis.ListStreamsInput{}, options...)
		return err
	}
	fails := func(want, message string, err error) {
		t.Helper()
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != want || !strings.Contains(api.ErrorMessage(), message) {
			t.Errorf("list streams: got %v, want %s: %s", err, want, message)
		}
	}
	w.Skew(4 * time.Minute)
	if err := list(); err != nil {
		t.Errorf("list streams with a clock that is off by four minutes: %v", err)
	}
	// A client that has seen the date of an answer corrects its clock.
	by := w.server.KinesisAddress
	by.Endpoint = w.Endpoint()
	for d, want := range map[time.Duration]string{time.Hour: "Signature expired: ", -time.Hour: "Signature not yet current: "} {
		w.Skew(d)
		client := by.Client()
		_, err := client.ListStreams(t.Context(), &kinesis.ListStreamsInput{})
		fails("InvalidSignatureException", want, err)
		if _, err := client.ListStreams(t.Context(), &kinesis.ListStreamsInput{}); err != nil {
			t.Errorf("list streams with %v of skew, and again with what its first answer said: %v", d, err)
		}
	}
	w.Skew(0)
	w.client = by.Client()
	w.Expire("OLD")
	old := func(o *kinesis.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "OLD", SecretAccessKey: "x"}, nil
		})
	}
	fails("ExpiredTokenException", "expired", list(old))
	if err := list(); err != nil {
		t.Errorf("list streams with another key: %v", err)
	}
}

func TestAFrozenProxyAnswersWhenItThaws(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.Freeze()
	in := &kinesis.PutRecordsInput{StreamName: &w.stream, Records: entries(0, 1, 10)}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := w.client.PutRecords(ctx, in); ctx.Err() == nil {
		t.Fatalf("put a record while it is frozen: got %v, want no answer", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if _, err := w.client.PutRecords(t.Context(), in); err != nil {
			t.Errorf("put a record while it is frozen: %v", err)
		}
	})
	eventually.True(t, patience, "both calls are there", func() bool { return w.Seen().Calls == 2 })
	if got := w.Seen().Taken; got != 0 {
		t.Errorf("records that the target has: got %d, want none", got)
	}
	w.Thaw()
	wg.Wait()
	if got := len(w.server.Consume(t, w.stream)); got != 1 {
		t.Errorf("records: got %d, want that of the client that waited", got)
	}
	w.clean(t)
}

func TestWhatBreaksTheOrderIsSeen(t *testing.T) {
	t.Parallel()
	has := func(w *world, want string) bool {
		return slices.ContainsFunc(w.Violations(), func(v string) bool { return strings.Contains(v, want) })
	}
	t.Run("one hash key twice in a call", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		w.put(t, append(entries(0, 3, 10), entries(1, 2, 10)...))
		if !has(w, "is twice in a call") || len(w.Violations()) != 1 {
			t.Errorf("violations: got %q, want the key", w.Violations())
		}
	})
	t.Run("a hash key before the answer to its last", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		w.Freeze()
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				// The second one has one key of the first.
				in := &kinesis.PutRecordsInput{StreamName: &w.stream, Records: entries(i, i+2, 10)}
				if _, err := w.client.PutRecords(t.Context(), in); err != nil {
					t.Errorf("put records: %v", err)
				}
			})
		}
		eventually.True(t, patience, "both calls are there", func() bool { return w.Seen().Calls == 2 })
		w.Thaw()
		wg.Wait()
		if !has(w, "had no answer") || len(w.Violations()) != 1 {
			t.Errorf("violations: got %q, want the one key that both have", w.Violations())
		}
	})
	t.Run("a record above the limit", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		w.put(t, entries(0, 1, 1001))
		w.clean(t)
		w.Limit(fault.Limits{BytesPerRecord: 1000})
		_, err := w.client.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: &w.stream, Records: entries(0, 1, 1001)})
		if err == nil || !has(w, "a record has 1001 bytes") {
			t.Errorf("got %v and %q, want that it is refused", err, w.Violations())
		}
	})
}
