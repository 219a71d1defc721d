package main_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/eventually"
	faultkinesis "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// told is in what a service says of its refusals, which may repeat what it was
// sent. It must show up nowhere.
const told = "canary-told"

// breakable puts a proxy before a stand-in, until the test ends.
func breakable(t *testing.T, k *servers.KinesisServer) *faultkinesis.Proxy {
	t.Helper()
	proxy, err := faultkinesis.Listen(1, k.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

// distribution has a stream say how it distributes records.
func distribution(strategy string) func(map[string]any) {
	return func(body map[string]any) {
		if is, ok := body["StreamDescriptionSummary"].(map[string]any); ok {
			is["RecordDistributionStrategy"] = strategy
		}
	}
}

func TestAStartThatKinesisRefusesIsToldInOneSentence(t *testing.T) {
	t.Parallel()
	kinesis := servers.Kinesis(t, local.Kinesalite)
	stream := kinesis.Stream(t, 1)
	for _, c := range []struct {
		name     string
		env      map[string]string
		wrong    func(*faultkinesis.Proxy)
		code     int
		from, to string // of the sentence
	}{
		{
			"the stream is missing",
			map[string]string{"STREAM": "absent"},
			nil, 4,
			"there is no stream absent at ", ": ResourceNotFoundException; create it, or mend its name or the region",
		},
		{
			"nothing listens",
			map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
			nil, 4,
			"no connection within 30s: reach Kinesis at http://127.0.0.1:1 for the stream " + stream + ": ", "connection refused; check host, port, network and credentials",
		},
		{
			"the region is unknown",
			map[string]string{"AWS_ENDPOINT_URL": "http://kinesis..internal"},
			nil, 4,
			"no connection within 30s: reach Kinesis at http://kinesis..internal for the stream " + stream + ": ", "no such host; check host, port, network and credentials",
		},
		{
			"no region is said",
			map[string]string{"AWS_REGION": ""},
			nil, 1,
			"no region is known for the stream " + stream, "; add ?region=eu-west-1, or what it is, to publish.url; or set AWS_REGION",
		},
		{
			"the profile is missing",
			map[string]string{"AWS_PROFILE": "absent"},
			nil, 1,
			`no shared file of AWS's has the profile "absent"`, "; mend AWS_PROFILE, or the shared file",
		},
		{
			"there are no credentials",
			map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			nil, 4,
			"no connection within 30s: find credentials for the stream " + stream + ": there are none in the environment, in shared files, or by the role of a task, pod or instance",
			"; check host, port, network and credentials",
		},
		{
			"a right is missing", nil,
			func(p *faultkinesis.Proxy) { p.Answer("DescribeStreamSummary", 400, "AccessDeniedException", told) }, 4,
			"these credentials may not use the stream " + stream + ": AccessDeniedException", "; allow kinesis:PutRecords, kinesis:DescribeStreamSummary and kinesis:ListShards on it, as docs/kinesis.md shows",
		},
		{
			"the access key is unknown", nil,
			func(p *faultkinesis.Proxy) {
				p.Answer("DescribeStreamSummary", 400, "UnrecognizedClientException", told)
			}, 4,
			"the credentials for the stream " + stream + " are refused: UnrecognizedClientException", "; see whether the access key exists and is active",
		},
		{
			"the token has expired and nothing renews it",
			map[string]string{"AWS_SESSION_TOKEN": told},
			func(p *faultkinesis.Proxy) { p.Expire("AKIDTEST") }, 4,
			"the credentials for the stream " + stream + " have expired: ExpiredTokenException", "; give it new ones, best by a role, whose credentials are renewed by themselves",
		},
		{
			"the stream ignores partition keys", nil,
			func(p *faultkinesis.Proxy) { p.Rewrite("DescribeStreamSummary", distribution("AUTO")) }, 4,
			"the stream " + stream + " spreads records over its shards by itself", "; set its record distribution strategy to USER_PARTITION_KEY (UpdateStreamRecordDistributionStrategy)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := breakable(t, kinesis)
			if c.wrong != nil {
				c.wrong(proxy)
			}
			s := nowhere(t, "postgres://user:"+password+"@127.0.0.1:1/db?sslmode=disable")
			s.config = "kinesis-aws.yaml"
			s.useAWS()
			s.env["STREAM"], s.env["AWS_ENDPOINT_URL"] = stream, proxy.Endpoint()
			maps.Copy(s.env, c.env)
			got := s.refused(t, c.code, fromNow...)
			if !strings.HasPrefix(got, c.from) || !strings.HasSuffix(got, c.to) {
				t.Errorf("sentence: got %q, want %q and %q", got, c.from, c.to)
			}
			if strings.Contains(got, told) {
				t.Errorf("the sentence shows what the service said: %q", got)
			}
		})
	}
}

// What a person must mend stops a daemon that runs, and once it is mended nothing
// is lost.
func TestWhatKinesisTakesAwayStopsADaemonThatRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		takes, gives func(*faultkinesis.Proxy)
		want         string
	}{
		{
			"the stream's key is disabled",
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 400, "KMSDisabledException", told) },
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 0, "", "") },
			"the key that encrypts the stream STREAM can't be used: KMSDisabledException; enable the stream's key",
		},
		{
			"the right to write is taken away",
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 400, "AccessDeniedException", told) },
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 0, "", "") },
			"these credentials may not use the stream STREAM: AccessDeniedException; allow kinesis:PutRecords, kinesis:DescribeStreamSummary and kinesis:ListShards on it, as docs/kinesis.md shows",
		},
		{
			"the stream is gone",
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 400, "ResourceNotFoundException", told) },
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 0, "", "") },
			"there is no stream STREAM at ENDPOINT: ResourceNotFoundException; create it, or mend its name or the region",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newPostgresStream(t)
			proxy := breakable(t, k.kinesis)
			k.env["ENDPOINT"] = proxy.Endpoint()
			p := k.follow(t, fromNow...)
			p.following(t)
			k.change(t, 1, 1)
			eventually.True(t, patience, "the events are there", func() bool { return k.count(t) == 2 })
			c.takes(proxy)
			k.change(t, 2, 5)
			p.exits(t, 4)
			verdict := p.verdict(t)
			if got := strings.NewReplacer(k.stream, "STREAM", proxy.Endpoint(), "ENDPOINT").Replace(verdict); got != c.want {
				t.Errorf("sentence:\n got %s\nwant %s", got, c.want)
			}
			if strings.Contains(p.stderr.String(), told) {
				t.Error("stderr shows what the service said")
			}
			c.gives(proxy)
			k.follow(t, "--until", "now").succeeds(t)
			if got := k.count(t); got != 10 {
				t.Errorf("events after the next start: got %d, want 10", got)
			}
		})
	}
}

func TestAThrottledStartOfAStreamIsWaitedFor(t *testing.T) {
	t.Parallel()
	k := newPostgresStream(t)
	proxy := breakable(t, k.kinesis)
	k.env["ENDPOINT"] = proxy.Endpoint()
	proxy.Answer("DescribeStreamSummary", 400, "LimitExceededException", told)
	p := k.follow(t, fromNow...)
	p.logs(t, "the sink can't be opened")
	proxy.Answer("DescribeStreamSummary", 0, "", "")
	p.following(t)
	p.stop(t)
	if strings.Contains(p.stderr.String(), told) {
		t.Error("stderr shows what the service said")
	}
}
