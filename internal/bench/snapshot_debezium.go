package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// leastDebezium is the target: how many times as fast as Debezium a first copy into
// Kafka must be.
const leastDebezium = 10

// warming is how many copies the broker gets before any is measured: it is slower until
// its JVM has compiled what they take, and serves for weeks afterwards.
const warming = 15

const debeziumScript = "scripts/bench-debezium.sh"

// between is how many copies are made before the first of Debezium's and behind each.
// One takes seconds, and sees how fast the machine is in these; Debezium's takes a
// minute, and sees the mean.
const between = 3

// A besideDebezium is a table that both copied into one broker, in turn: between
// each two groups of ours is one of Debezium's.
type besideDebezium struct {
	rows      int
	ours      [][]published
	debeziums []published
}

// published is what a copy into Kafka took.
type published struct {
	usage usage
	took  time.Duration // from the first record to the last, by the broker's clock
}

func (p published) String() string {
	return fmt.Sprintf("%.2f s from the first record to the last, %s in all", p.took.Seconds(), p.usage)
}

// ratios says how many times as fast tailrace was: for each copy of Debezium's, in
// the mean of ours right before it and right behind it.
func (d besideDebezium) ratios() (all []float64) {
	for i, p := range d.debeziums {
		var sum time.Duration
		around := slices.Concat(d.ours[i], d.ours[i+1])
		for _, o := range around {
			sum += o.took
		}
		all = append(all, p.took.Seconds()*float64(len(around))/sum.Seconds())
	}
	return all
}

func (d besideDebezium) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "First copy of %d rows of 12 columns into a topic of one broker, from its first record to its last by the broker's clock; %d of Debezium's, before the first and behind each %d of ours; median (least-most):\n\n",
		d.rows, len(d.debeziums), between)
	b.WriteString("| program | time | rows/s | with start and end | its CPU | peak RSS | the first is as fast |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for i, runs := range [][]published{slices.Concat(d.ours...), d.debeziums} {
		name, ratio := "`tailrace run --snapshot only --publish kafka:`", ""
		if i == 1 {
			r := d.ratios()
			name = "Debezium 3.6.1, `snapshot.mode=initial_only`, in Kafka Connect"
			ratio = fmt.Sprintf(" **%.2f times** (%.2f-%.2f)", median(r), slices.Min(r), slices.Max(r))
		}
		var took, wall, cpu []time.Duration
		var rss []int64
		for _, p := range runs {
			took, wall = append(took, p.took), append(wall, p.usage.wall)
			cpu, rss = append(cpu, p.usage.cpu), append(rss, p.usage.rss)
		}
		fmt.Fprintf(b, "| %s | %.2f s (%.2f-%.2f) | %.0f k | %.2f s | %.2f s | %d MiB |%s |\n", name,
			median(took).Seconds(), slices.Min(took).Seconds(), slices.Max(took).Seconds(), float64(d.rows)/median(took).Seconds()/1000,
			median(wall).Seconds(), median(cpu).Seconds(), slices.Max(rss)>>20, ratio)
	}
	b.WriteByte('\n')
}

// besideDebezium copies few into one broker, in turn with Debezium.
func (b *bench) besideDebezium(ctx context.Context, r *report, s filled) error {
	rows := min(b.copied, fewRows)
	broker, err := servers.StartMeasuredKafka(ctx, map[string]string{
		"message.max.bytes":          "10485760", // Debezium's batches are large
		"log.message.timestamp.type": "LogAppendTime",
	})
	if err != nil {
		return err
	}
	defer func() { _ = broker.Close() }() // nothing of it is needed
	r.version += " and Kafka " + broker.Version
	say("bringing Debezium")
	if out, err := exec.CommandContext(ctx, debeziumScript, "install", broker.Version).CombinedOutput(); err != nil {
		return fmt.Errorf("bring Debezium: %w: %s", err, out)
	}
	k, err := newTopics(broker)
	if err != nil {
		return err
	}
	defer k.close()
	say("warming the broker")
	for range warming {
		if _, err := b.intoKafka(ctx, k, s, rows); err != nil {
			return fmt.Errorf("warm the broker: %w", err)
		}
	}
	d := besideDebezium{rows: rows}
	for i := range b.pairs + 1 {
		if i > 0 {
			theirs, err := calmly(func() (published, error) { return b.withDebezium(ctx, k, broker, s, rows) })
			if err != nil {
				return fmt.Errorf("copy with Debezium: %w", err)
			}
			fmt.Printf("copy into Kafka, %d of %d: Debezium: %s\n", i, b.pairs, theirs)
			d.debeziums = append(d.debeziums, theirs)
		}
		var group []published
		for range between {
			ours, err := calmly(func() (published, error) { return b.intoKafka(ctx, k, s, rows) })
			if err != nil {
				return fmt.Errorf("copy into Kafka: %w", err)
			}
			fmt.Printf("copy into Kafka, behind %d of %d: tailrace: %s\n", i, b.pairs, ours)
			group = append(group, ours)
		}
		d.ours = append(d.ours, group)
	}
	r.beside = append(r.beside, d)
	return nil
}

// intoKafka copies few with tailrace.
func (b *bench) intoKafka(ctx context.Context, k *topics, s filled, rows int) (published, error) {
	dir, err := os.MkdirTemp(b.dir, "kafka-")
	if err != nil {
		return published{}, err
	}
	prefix := fmt.Sprintf("tailrace%d.", k.run())
	topic := prefix + "few"
	if err := k.create(ctx, topic); err != nil {
		return published{}, err
	}
	config := copyConfig(s, "only", "kafka://"+k.broker, dir, "", "few")
	config = strings.Replace(config, "publish: {", fmt.Sprintf("publish: {create_topics: true, topic: %q, ", prefix+"{table}"), 1)
	u, err := b.daemon(ctx, config)
	if err := errors.Join(err, s.forget(context.WithoutCancel(ctx))); err != nil {
		return published{}, err
	}
	p, err := k.filled(ctx, topic, rows)
	p.usage = u
	return p, err
}

// withDebezium copies few with Debezium in Kafka Connect.
func (b *bench) withDebezium(ctx context.Context, k *topics, broker *local.Kafka, s filled, rows int) (published, error) {
	dir, err := os.MkdirTemp(b.dir, "debezium-")
	if err != nil {
		return published{}, err
	}
	run := k.run()
	prefix := fmt.Sprintf("debezium%d", run)
	topic := prefix + "." + s.schema() + ".few"
	if err := k.create(ctx, topic); err != nil {
		return published{}, err
	}
	properties := map[string]string{
		"name":               prefix,
		"tasks.max":          "1",
		"topic.prefix":       prefix,
		"table.include.list": s.schema() + ".few",
		"snapshot.mode":      "initial_only",
		"max.batch.size":     "20480",
		"max.queue.size":     "81920",
		"poll.interval.ms":   "50",
	}
	maps.Copy(properties, s.debezium(run))
	if _, ok := properties["schema.history.internal.kafka.topic"]; ok {
		properties["schema.history.internal.kafka.bootstrap.servers"] = k.broker
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "%s=%s\n", name, properties[name])
	}
	file := filepath.Join(dir, "connector.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return published{}, err
	}
	d, err := start(exec.CommandContext(ctx, debeziumScript, "run", broker.Version, dir, k.broker, file))
	if err != nil {
		return published{}, err
	}
	defer d.kill()
	if err := k.wait(ctx, topic, rows, d.gone); err != nil {
		return published{}, fmt.Errorf("%w: %s", err, d.words())
	}
	p, err := k.filled(ctx, topic, rows)
	if err != nil {
		return published{}, err
	}
	if p.usage, err = d.stop(exitTerminated); err != nil {
		return published{}, err
	}
	return p, s.forget(ctx)
}

// exitTerminated is how Java ends when it is told to.
const exitTerminated = 143
