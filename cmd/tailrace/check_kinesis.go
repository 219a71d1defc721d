package main

import (
	"context"
	"fmt"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// checkStreams looks at the stream that is published to, and at that of dead
// letters.
func checkStreams(ctx context.Context, cfg config.Config, p *part) {
	settings, err := kinesisSettings(ctx, cfg, p.log())
	if err != nil {
		p.refuse(err)
		return
	}
	settings.AnswerLimit = checkLimit / 2 // so that one who is silent is named
	seen, err := kinesis.Check(ctx, settings)
	p.refuse(err)
	for _, s := range seen {
		p.say("%s", describeStream(s))
	}
	if len(seen) == 0 {
		return
	}
	if seen[0].Largest > 0 && cfg.Publish.DeadLetter == "" {
		p.say("a larger record stops Tailrace, since publish.dead_letter is not set")
	}
	if !seen[0].Tried {
		p.warn("whether records may be written was not tried: publish.url names an endpoint, where the question may be taken for a record", "try it with a record of your own")
	}
}

// describeStream says what a stream is and takes.
func describeStream(s kinesis.Seen) string {
	mode, key := "provisioned", "not encrypted"
	if s.OnDemand {
		mode = "on-demand"
	}
	if s.Key != "" {
		key = "encrypted with " + s.Key
	}
	text := fmt.Sprintf("stream %s: %s, %s", s.Stream, mode, key)
	if s.Largest > 0 {
		text += fmt.Sprintf(", records of up to %d KiB, placed by their partition keys", s.Largest>>10)
	}
	if s.Shards > 0 {
		bytes, records := s.Takes()
		text += fmt.Sprintf("; %s, for %d MB and %d records a second together", plural(s.Shards, "shard"), bytes/1_000_000, records)
	}
	return text
}
