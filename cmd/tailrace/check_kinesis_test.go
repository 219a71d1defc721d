package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	faultkinesis "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// summary has a stream's description changed by what is given.
func summary(fields map[string]any) func(map[string]any) {
	return func(body map[string]any) {
		if is, ok := body["StreamDescriptionSummary"].(map[string]any); ok {
			maps.Copy(is, fields)
		}
	}
}

// would answers a call to write as the service does that is not to be carried out,
// and would be.
func would(p *faultkinesis.Proxy) {
	p.Answer("PutRecords", 400, "DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
}

// Where the service is comes from the environment, as it would be AWS itself, so
// that writing is tried.
func streamSite(t *testing.T, stream, endpoint string) *site {
	t.Helper()
	s := newSite(t, servers.Postgres(t, 18))
	s.config = "kinesis-aws.yaml"
	s.env["TAILRACE_SOURCE"], s.env["TAILRACE_TABLES"] = s.source(), "orders"
	s.useAWS()
	s.env["STREAM"], s.env["AWS_ENDPOINT_URL"] = stream, endpoint
	return s
}

func TestCheckNamesEverythingThatIsWrongWithAStreamAtOnce(t *testing.T) {
	t.Parallel()
	kinesis := servers.Kinesis(t, local.Kinesalite)
	stream := kinesis.Stream(t, 2)
	denied := func(p *faultkinesis.Proxy, operation string) {
		p.Answer(operation, 400, "AccessDeniedException", told)
	}
	for _, c := range []struct {
		name  string
		env   map[string]string
		wrong func(*faultkinesis.Proxy)
		want  [][3]string
	}{
		{"nothing", nil, would, nil},
		{
			"the stream is missing",
			map[string]string{"STREAM": "absent"},
			would,
			[][3]string{{"sink", "there is no stream absent at http://", "create it"}},
		},
		{
			"no right is there", nil,
			func(p *faultkinesis.Proxy) {
				denied(p, "DescribeStreamSummary")
				denied(p, "ListShards")
				denied(p, "PutRecords")
			},
			[][3]string{{"sink", "these credentials lack rights on the stream " + stream + ": kinesis:DescribeStreamSummary, kinesis:ListShards, kinesis:PutRecords", "in a policy"}},
		},
		{
			"the right to write is missing, and the stream has no order", nil,
			func(p *faultkinesis.Proxy) {
				denied(p, "PutRecords")
				p.Rewrite("DescribeStreamSummary", distribution("AUTO"))
			},
			[][3]string{
				{"sink", "these credentials lack rights on the stream " + stream + ": kinesis:PutRecords", "in a policy"},
				{"sink", "the stream " + stream + " spreads records over its shards by itself", "USER_PARTITION_KEY"},
			},
		},
		{
			"the stream's key is disabled", nil,
			func(p *faultkinesis.Proxy) { p.Answer("PutRecords", 400, "KMSDisabledException", told) },
			[][3]string{{"sink", "the key that encrypts the stream " + stream + " can't be used: KMSDisabledException", "enable"}},
		},
		{
			"the stream is not made yet", nil,
			func(p *faultkinesis.Proxy) {
				p.Rewrite("DescribeStreamSummary", summary(map[string]any{"StreamStatus": "CREATING"}))
			},
			[][3]string{{"sink", "the stream " + stream + " is not made yet", "once it is active"}},
		},
		{
			"the stream is being deleted", nil,
			func(p *faultkinesis.Proxy) {
				p.Rewrite("DescribeStreamSummary", summary(map[string]any{"StreamStatus": "DELETING"}))
			},
			[][3]string{{"sink", "the stream " + stream + " is being deleted", "create it again"}},
		},
		{
			"no region is said",
			map[string]string{"AWS_REGION": ""},
			would,
			[][3]string{{"sink", "no region is known for the stream " + stream, "AWS_REGION"}},
		},
		{
			"there are no credentials",
			map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			would,
			[][3]string{{"sink", "find credentials for the stream " + stream + ": there are none in the environment, ", "run tries for 30 seconds"}},
		},
		{
			"nothing listens",
			map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
			nil,
			[][3]string{{"sink", "reach Kinesis at http://127.0.0.1:1 for the stream " + stream, "run tries for 30 seconds"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy := breakable(t, kinesis)
			if c.wrong != nil {
				c.wrong(proxy)
			}
			s := streamSite(t, stream, proxy.Endpoint())
			maps.Copy(s.env, c.env)
			got := s.check(t, min(1, len(c.want)), fromNow...)
			wantFindings(t, got, c.want)
			if text := fmt.Sprint(got); strings.Contains(text, told) {
				t.Errorf("a finding shows what the service said: %s", text)
			}
			if records := kinesis.Consume(t, stream); len(records) != 0 {
				t.Errorf("check has stored %d records", len(records))
			}
		})
	}
}

func TestCheckSaysWhatAStreamIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		on       local.KinesisProduct
		shards   int
		change   map[string]any // in what the stream is described by
		want     string
		warnings []string
	}{
		{
			"provisioned", local.KinesisLocal, 3, nil,
			"provisioned, not encrypted, records of up to 1024 KiB, placed by their partition keys; 3 shards, for 3 MB and 3000 records a second together", nil,
		},
		{
			"on-demand, being changed, and encrypted", local.Kinesalite, 1,
			map[string]any{
				"StreamModeDetails": map[string]any{"StreamMode": "ON_DEMAND"}, "StreamStatus": "UPDATING", "MaxRecordSizeInKiB": json.Number("10240"),
				"RecordDistributionStrategy": "USER_PARTITION_KEY", "EncryptionType": "KMS", "KeyId": "alias/shop",
			},
			"on-demand, encrypted with alias/shop, records of up to 10240 KiB, placed by their partition keys; 1 shard, for 1 MB and 1000 records a second together", nil,
		},
		{
			"more shards than lanes", local.Kinesalite, 1025, nil,
			"provisioned, not encrypted, records of up to 1024 KiB, placed by their partition keys; 1025 shards, for 1024 MB and 1024000 records a second together",
			[]string{"only 1,024 shards of a stream are used, one for each lane"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kinesis := servers.Kinesis(t, c.on)
			stream, proxy := kinesis.Stream(t, c.shards), breakable(t, kinesis)
			would(proxy)
			proxy.Rewrite("DescribeStreamSummary", summary(c.change))
			s := streamSite(t, stream, proxy.Endpoint())
			p := s.start(t, append([]string{"check", "-c", "testdata/" + s.config}, fromNow...)...)
			if p.wait(t) != 0 {
				t.Fatalf("it is not ready: %s", p.stdout.String())
			}
			if got, want := p.stdout.String(), "✓ stream "+stream+": "+c.want+"\n"; !strings.Contains(got, want) {
				t.Errorf("got %s\nwant a line %s", got, want)
			}
			for _, want := range append([]string{"a larger record stops Tailrace, since publish.dead_letter is not set"}, c.warnings...) {
				if !strings.Contains(p.stdout.String(), want) {
					t.Errorf("got %s\nwant in it %s", p.stdout.String(), want)
				}
			}
		})
	}
}

func TestCheckLooksAtTheDeadLetterStreamToo(t *testing.T) {
	t.Parallel()
	kinesis := servers.Kinesis(t, local.Kinesalite)
	stream, large, proxy := kinesis.Stream(t, 1), kinesis.Stream(t, 1), breakable(t, kinesis)
	for _, c := range []struct {
		name, deadLetter string
		grown            int // KiB of its largest record
		want             [][3]string
		warned           bool
	}{
		{"it is missing", "absent", 0, [][3]string{{"sink", "there is no stream absent at http://", "create it"}}, false},
		{"it takes no more than the other", large, 1024, nil, true},
		{"it takes more", large, 10240, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxy.Rewrite("DescribeStreamSummary", func(body map[string]any) {
				if is, ok := body["StreamDescriptionSummary"].(map[string]any); ok && is["StreamName"] == large {
					is["MaxRecordSizeInKiB"] = c.grown
				}
			})
			s := streamSite(t, stream, "")
			s.config = "kinesis-dead-letter.yaml"
			s.env["ENDPOINT"], s.env["DEAD_LETTER"] = proxy.Endpoint(), c.deadLetter
			got := s.check(t, min(1, len(c.want)), fromNow...)
			wantFindings(t, got, c.want)
			if warned := slices.ContainsFunc(warnings(got), func(f finding) bool {
				return strings.HasPrefix(f.What, "the dead letter stream takes no larger records")
			}); warned != c.warned {
				t.Errorf("got %+v, want a warning that the dead letter stream takes no larger records: %v", got, c.warned)
			}
		})
	}
	// The stand-in would have stored what is only asked.
	for _, name := range []string{stream, large} {
		if records := kinesis.Consume(t, name); len(records) != 0 {
			t.Errorf("check has stored %d records", len(records))
		}
	}
}

// A service that does not know of such calls stores an empty line, and is told on.
func TestCheckOfAServiceThatStoresWhatIsOnlyAsked(t *testing.T) {
	t.Parallel()
	kinesis := servers.Kinesis(t, local.Kinesalite)
	stream := kinesis.Stream(t, 1)
	s := streamSite(t, stream, kinesis.Endpoint)
	got := s.check(t, 0, fromNow...)
	records := kinesis.Consume(t, stream)
	stored := slices.ContainsFunc(warnings(got), func(f finding) bool { return strings.Contains(f.What, "has stored an empty line") })
	if len(records) != 1 || string(records[0].Data) != "\n" || !stored {
		t.Errorf("got %d records, and found %+v; want one empty line and a warning of it", len(records), got)
	}
}
