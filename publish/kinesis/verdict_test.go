package kinesis_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// What is in a refusal and must not get out.
const secretText = "secret row, session-token"

// stops are the codes that a person has to mend, with what the sentence and the
// hint say.
var stops = []struct {
	code     string
	status   int
	ofRecord bool // it comes as the code of a record too
	says     string
	hint     string
}{
	{"ResourceNotFoundException", 400, false, "there is no stream", "create it"},
	{"AccessDeniedException", 400, false, "may not use the stream", "allow kinesis:PutRecords"},
	{"KMSAccessDeniedException", 400, true, "the key that encrypts the stream", "allow kms:GenerateDataKey"},
	{"KMSDisabledException", 400, true, "the key that encrypts the stream", "enable"},
	{"KMSInvalidStateException", 400, true, "the key that encrypts the stream", "see the state"},
	{"KMSNotFoundException", 400, true, "the key that encrypts the stream", "give the stream a key"},
	{"KMSOptInRequired", 400, true, "the key that encrypts the stream", "let the account use KMS"},
	{"UnrecognizedClientException", 400, false, "the credentials for the stream", "access key"},
	{"InvalidClientTokenId", 403, false, "the credentials for the stream", "access key"},
	{"InvalidSignatureException", 403, false, "the credentials for the stream", "secret key"},
	{"SignatureDoesNotMatch", 403, false, "the credentials for the stream", "secret key"},
	{"ExpiredTokenException", 400, false, "have expired", "by a role"},
	{"ValidationException", 400, false, "refuses a record", "maximum record size"},
	{"InvalidArgumentException", 400, false, "refuses a record", "maximum record size"},
	{"SerializationException", 400, false, "refuses calls for the stream", "documentation"},
}

func TestWhatAPersonMustMendStops(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.Kinesalite)
	stream := s.Stream(t, 1)
	for _, c := range stops {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			proxy := proxied(t, s)
			cfg := at(proxy.Endpoint(), stream)
			cfg.AWS.Credentials = static("AKIDTEST", "session-token")

			proxy.Answer("DescribeStreamSummary", c.status, c.code, secretText)
			_, err := kinesis.Open(t.Context(), cfg)
			wantStop(t, "Open", err, stream, c.says, c.hint)
			proxy.Answer("DescribeStreamSummary", 0, "", "")
			proxy.Answer("ListShards", c.status, c.code, secretText)
			_, err = kinesis.Open(t.Context(), cfg)
			wantStop(t, "Open that may not list shards", err, stream, c.says, c.hint)
			proxy.Answer("ListShards", 0, "", "")

			p := open(t, cfg)
			must(t, result(t, p, batch("first")))
			proxy.Answer("PutRecords", c.status, c.code, secretText)
			err = result(t, p, batch("secret row"))
			wantStop(t, "a call", err, stream, c.says, c.hint)
			wantEnd(t, p, err, func() int { return proxy.Seen().Calls })
		})
	}
}

func TestACodeOfARecordMayStop(t *testing.T) {
	t.Parallel()
	for _, c := range stops {
		if !c.ofRecord {
			continue
		}
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			s := &service{shards: map[string]int{"orders": 2}}
			p := open(t, s.config("orders"))
			must(t, result(t, p, batch("first")))
			s.change(func() {
				s.refuse = func(r putRecord) string {
					if r.PartitionKey == "1" {
						return c.code
					}
					return ""
				}
			})
			err := result(t, p, batch("stored", "secret row"))
			wantStop(t, "a record", err, "orders", c.says, c.hint)
			wantEnd(t, p, err, func() int { return len(s.seen()) })
		})
	}
}

// wantStop wants a Stop with the stream, what is wrong and what to do.
func wantStop(t *testing.T, what string, err error, stream string, says ...string) {
	t.Helper()
	if failure.ExitCode(err) != failure.ExitStop || failure.Retryable(err) || err == nil {
		t.Fatalf("%s: got the error %v, want a Stop", what, err)
	}
	for _, s := range append(says, stream, "; ") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: got %q, want %q in it", what, err, s)
		}
	}
	for _, s := range []string{"secret row", "test-secret", "session-token", "AKIDTEST"} {
		if strings.Contains(err.Error(), s) {
			t.Errorf("%s: got %q with %q in it", what, err, s)
		}
	}
}

// wantEnd wants that a Publisher whose done has said why takes nothing more, and
// that nothing more is sent.
func wantEnd(t *testing.T, p *kinesis.Publisher, why error, calls func() int) {
	t.Helper()
	sent := calls()
	err := p.Publish(t.Context(), batch("later"), func(error) { t.Error("done was called") })
	if !errors.Is(err, why) {
		t.Errorf("a later batch: got the error %v, want %v", err, why)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, why) {
		t.Errorf("flush: got the error %v, want %v", err, why)
	}
	must(t, p.Close())
	if got := calls(); got != sent {
		t.Errorf("got %d calls after the end", got-sent)
	}
}

func TestWhatTimeMendsIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func() (*http.Response, error)
	}{
		{"a failure of the service", func() (*http.Response, error) { return refusal(500, "InternalFailure", secretText), nil }},
		{"a service that is away", func() (*http.Response, error) { return refusal(503, "ServiceUnavailable", secretText), nil }},
		{"a whole call that is throttled", func() (*http.Response, error) {
			return refusal(400, "ProvisionedThroughputExceededException", secretText), nil
		}},
		{"a limit of calls", func() (*http.Response, error) { return refusal(400, "LimitExceededException", secretText), nil }},
		{"a key that is used too often", func() (*http.Response, error) { return refusal(400, "KMSThrottlingException", secretText), nil }},
		{"a stream that is changed", func() (*http.Response, error) { return refusal(400, "ResourceInUseException", secretText), nil }},
		{"too many requests", func() (*http.Response, error) { return refusal(429, "Whatever", secretText), nil }},
		{"a request that came too slowly", func() (*http.Response, error) { return refusal(408, "Whatever", secretText), nil }},
		{"an answer that is none", func() (*http.Response, error) { return raw(200, "<html>"+secretText), nil }},
		{"a failure that is no answer", func() (*http.Response, error) { return raw(502, "<html>"+secretText), nil }},
		{"an answer that breaks off", func() (*http.Response, error) { return raw(200, `{"Records":[{"Sequence`), nil }},
		{"an answer about nothing", func() (*http.Response, error) { return raw(200, `{}`), nil }},
		{"an answer about other records", func() (*http.Response, error) {
			return raw(200, `{"FailedRecordCount":0,"Records":[`+strings.Repeat(`{"ShardId":"shardId-000000000000","SequenceNumber":"1"},`, 2)+`{}]}`), nil
		}},
		{"a connection that is cut", func() (*http.Response, error) { return nil, syscall.ECONNRESET }},
		{"an empty answer", func() (*http.Response, error) { return raw(200, ""), nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond}
				cfg := s.config("orders")
				log, logs := logged()
				cfg.Log = log
				p := open(t, cfg)
				must(t, result(t, p, batch("a1", "b1")))
				begin := time.Now()
				var count atomic.Int64
				s.change(func() {
					s.answer = func(operation string) (*http.Response, error) {
						if operation != "PutRecords" || time.Since(begin) > 90*time.Second {
							return nil, nil
						}
						count.Add(1)
						return c.answer()
					}
				})
				done := start(t, p, batch("a2", "b2"))
				next := start(t, p, batch("a3"))
				must(t, <-done)
				must(t, <-next)
				if took := time.Since(begin); took < 90*time.Second || took > 98*time.Second {
					t.Errorf("it took %v, want 90 s and at most the 7.5 s that a record waits", took)
				}
				if got := count.Load(); got < 20 || got > 100 {
					t.Errorf("got %d calls in 90 s, want many soon and few later", got)
				}
				wantLanes(t, s.stored(t, "orders", kinesis.Lines), map[string][]string{"0": {"a1", "a2", "a3"}, "1": {"b1", "b2"}})
				s.ordered(t)
				synctest.Wait()
				warnings := logs.FilterMessage("records wait for Kinesis").All()
				if len(warnings) != 2 {
					t.Errorf("got %d warnings that records wait, want one after 10 s and one a minute later", len(warnings))
				}
				for _, w := range warnings {
					if text := fmt.Sprint(w.ContextMap()); strings.Contains(text, "secret") || strings.Contains(text, "session-token") || !strings.Contains(text, "orders") {
						t.Errorf("got the warning %q, want one with the stream and without the rest", text)
					}
				}
			})
		})
	}
}

func TestRecordsThatFailByThemselvesAreSentAgainFirst(t *testing.T) {
	for _, code := range []string{"InternalFailure", "ProvisionedThroughputExceededException", "KMSThrottlingException", "SomethingNew"} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{shards: map[string]int{"orders": 1}, trip: 10 * time.Millisecond}
				p := open(t, s.config("orders"))
				refused := make(map[string]int)
				s.refuse = func(r putRecord) string {
					if refused[r.PartitionKey]++; refused[r.PartitionKey] <= 3 {
						return code
					}
					return ""
				}
				must(t, result(t, p, batch("a1", "b1", "c1")))
				s.ordered(t)
				calls := s.seen()
				for _, c := range calls[:2] {
					for i, r := range c.records {
						if c.stored[i] || strings.HasSuffix(string(r.Data), "2\n") {
							t.Errorf("got %q stored early or out of order", r.Data)
						}
					}
				}
				for _, l := range p.Lanes() {
					if l.Repeats != 3 || l.Records != 1 {
						t.Errorf("lane %d: got %d repeats and %d records, want 3 and 1", l.Lane, l.Repeats, l.Records)
					}
				}
				wantLanes(t, s.stored(t, "orders", kinesis.Lines), map[string][]string{"0": {"a1"}, "1": {"b1"}, "2": {"c1"}})
			})
		})
	}
}

// Of what is on its way at the end some is stored and some is not: each batch is
// told which.
func TestAtTheEndEachBatchIsToldOnceWhetherItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{shards: map[string]int{"orders": 4}, trip: 20 * time.Millisecond}
		p := open(t, s.config("orders"))
		taken := 0
		s.refuse = func(putRecord) string {
			if taken++; taken > 700 {
				return "KMSDisabledException"
			}
			return ""
		}
		var mu sync.Mutex
		results := make(map[string][]error) // by event
		var ended time.Time
		for i := range 2000 {
			value := fmt.Sprintf(`{"n":%d}`, i)
			b := batch(value)
			b.Records[0].Hash = uint32(i % 900)
			must(t, p.Publish(t.Context(), b, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				results[value] = append(results[value], err)
				if err != nil && ended.IsZero() {
					ended = time.Now()
				}
			}))
		}
		if err := p.Flush(t.Context()); failure.ExitCode(err) != failure.ExitStop {
			t.Errorf("flush: got the error %v, want a Stop", err)
		}
		must(t, p.Close())
		stored := make(map[string]bool)
		for _, events := range s.stored(t, "orders", kinesis.Lines) {
			for _, e := range events {
				stored[e] = true
			}
		}
		s.ordered(t)
		failed := 0
		for i := range 2000 {
			value := fmt.Sprintf(`{"n":%d}`, i)
			switch got := results[value]; {
			case len(got) != 1:
				t.Fatalf("%s: done was called %d times, want once", value, len(got))
			case got[0] == nil != stored[value]:
				t.Fatalf("%s: got %v, and it is stored: %v", value, got[0], stored[value])
			case got[0] != nil:
				failed++
				wantStop(t, "done", got[0], "orders", "the key that encrypts", "enable")
			}
		}
		if failed == 0 || failed == 2000 {
			t.Errorf("got %d of 2000 batches that failed, want some", failed)
		}
		for _, c := range s.seen() {
			if c.at.After(ended) {
				t.Errorf("got a call %v after the first done with an error", c.at.Sub(ended))
			}
		}
	})
}
