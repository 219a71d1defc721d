package kinesis_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
	"github.com/tailrace/tailrace/publish/kinesis"
)

func TestOpenSaysWhatTheMatterIs(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.Kinesalite)
	proxy := proxied(t, s)
	stream := s.Stream(t, 1)
	_, err := kinesis.Open(t.Context(), at(proxy.Endpoint(), "no-such-stream"))
	wantStop(t, "a stream that is missing", err, "no-such-stream", "there is no stream", "create it")
	dead := at(proxy.Endpoint(), stream)
	dead.DeadLetter = "no-such-stream"
	_, err = kinesis.Open(t.Context(), dead)
	wantStop(t, "a dead letter stream that is missing", err, "no-such-stream", "there is no stream", "create it")

	summary := func(key string, value any) func(map[string]any) {
		return func(body map[string]any) { body["StreamDescriptionSummary"].(map[string]any)[key] = value }
	}
	for _, c := range []struct {
		name    string
		rewrite func(map[string]any)
		stops   bool
		says    string
	}{
		{"a stream that is being made is waited for", summary("StreamStatus", "CREATING"), false, "is being made"},
		{"a stream that is being deleted stops", summary("StreamStatus", "DELETING"), true, "is being deleted; create it again"},
		{"a stream without an order stops", summary("RecordDistributionStrategy", "AUTO"), true, "USER_PARTITION_KEY"},
		{"a description without a stream is asked for again", func(body map[string]any) { clear(body) }, false, "by nothing"},
	} {
		proxy.Rewrite("DescribeStreamSummary", c.rewrite)
		_, err := kinesis.Open(t.Context(), at(proxy.Endpoint(), stream))
		if failure.Retryable(err) == c.stops || err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), stream) {
			t.Errorf("%s: got the error %v, want %q and %s in it", c.name, err, c.says, stream)
		}
	}
	proxy.Rewrite("DescribeStreamSummary", nil)

	proxy.Answer("ListShards", 500, "InternalFailure", secretText)
	if _, err := kinesis.Open(t.Context(), at(proxy.Endpoint(), stream)); !failure.Retryable(err) {
		t.Errorf("a failure of the service: got the error %v, want one to try again", err)
	}
	nobody := at("http://127.0.0.1:1", stream)
	if _, err := kinesis.Open(t.Context(), nobody); !failure.Retryable(err) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody there: got the error %v, want one to try again", err)
	}
	proxy.Freeze()
	slow := at(proxy.Endpoint(), stream)
	slow.AnswerLimit = 50 * time.Millisecond
	if _, err := kinesis.Open(t.Context(), slow); !failure.Retryable(err) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("no answer: got the error %v, want one to try again", err)
	}
}

func TestAStreamThatIsDeletedStops(t *testing.T) {
	t.Parallel()
	for _, product := range servers.KinesisProducts() {
		t.Run(string(product), func(t *testing.T) {
			t.Parallel()
			s := servers.Kinesis(t, product)
			stream := s.Stream(t, 1)
			proxy := proxied(t, s)
			p := open(t, at(proxy.Endpoint(), stream))
			must(t, result(t, p, batch("first")))
			s.Delete(t, stream)
			err := result(t, p, batch("second"))
			wantStop(t, "a deleted stream", err, stream, "there is no stream", "create it")
			wantEnd(t, p, err, func() int { return proxy.Seen().Calls })
		})
	}
}

func TestAClockThatIsWrongIsMended(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.Kinesalite)
	stream := s.Stream(t, 1)
	for _, skew := range []time.Duration{time.Hour, -3 * time.Hour} {
		proxy := proxied(t, s)
		proxy.Skew(skew)
		p := open(t, at(proxy.Endpoint(), stream))
		must(t, result(t, p, batch("first")))
		proxy.Skew(0) // somebody has set the clock
		must(t, result(t, p, batch("second")))
		proxy.Skew(2 * skew)
		must(t, result(t, p, batch("third")))
		if got := proxy.Seen().Refused; got < 3 {
			t.Errorf("a clock that is off by %v: got %d calls refused, want one at least each time that it changed", skew, got)
		}
	}
}

func TestCredentialsThatExpireAreFetchedAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cached bool
		stale  int32 // how often those that have expired are given again
	}{
		{"by the cache of the SDK", true, 0},
		{"by a source that is asked each time", false, 0},
		{"by a source that has no new ones yet", true, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := servers.Kinesis(t, local.Kinesalite)
			stream := s.Stream(t, 1)
			proxy := proxied(t, s)
			var expired atomic.Bool
			var asked atomic.Int32
			provider := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				key := "AKIDFIRST"
				if expired.Load() && asked.Add(1) > c.stale {
					key = "AKIDSECOND"
				}
				return aws.Credentials{
					AccessKeyID: key, SecretAccessKey: "test-secret", SessionToken: "session-token",
					CanExpire: true, Expires: time.Now().Add(time.Hour),
				}, nil
			})
			cfg := at(proxy.Endpoint(), stream)
			cfg.AWS.Credentials = provider
			if c.cached {
				cfg.AWS.Credentials = aws.NewCredentialsCache(provider)
			}
			p := open(t, cfg)
			must(t, result(t, p, batch("first")))
			proxy.Expire("AKIDFIRST")
			expired.Store(true)
			must(t, result(t, p, batch("second")))
			wantLanes(t, stored(t, s, stream, kinesis.Lines), map[string][]string{"0": {"first", "second"}})
			if got := proxy.Seen().Refused; got == 0 && c.cached {
				t.Error("no call was refused")
			}
		})
	}
}

func TestCallsWithoutAnAnswerAreSentAgain(t *testing.T) {
	t.Parallel()
	s := servers.Kinesis(t, local.Kinesalite)
	stream := s.Stream(t, 1)
	proxy := lossy(t, s)
	cfg := at(proxy.Endpoint(), stream)
	cfg.AnswerLimit = 500 * time.Millisecond
	p := open(t, cfg)
	proxy.Lose(1)
	done := start(t, p, batch("a", "b"))
	eventually.True(t, limit, "several answers were lost", func() bool { return proxy.Seen().Lost >= 6 })
	proxy.Lose(0)
	must(t, within(t, done))
	got := stored(t, s, stream, kinesis.Lines)
	for lane, want := range map[string]string{"0": "a", "1": "b"} {
		if len(got[lane]) < 3 || strings.Trim(strings.Join(got[lane], ""), want) != "" {
			t.Errorf("lane %s: got %q, want %q again and again", lane, got[lane], want)
		}
	}
}
