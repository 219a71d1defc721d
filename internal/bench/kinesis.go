package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// What a shard takes in a second, and how many of them the run with a slow stream
// has.
const (
	shardBytes   = 1_000_000
	shardRecords = 1000
	manyShards   = 64
)

// kinesis measures how much of one shard is used, beside the usual way, and what
// memory is taken when a stream takes a hundredth of what the source gives.
func (b *bench) kinesis(ctx context.Context, r *report) error {
	s, err := newMySQL(ctx, "512M")
	if err != nil {
		return err
	}
	defer s.close()
	k := &streams{b: b, s: s}
	if k.server, err = servers.StartKinesis(ctx, local.Kinesalite); err != nil {
		return err
	}
	defer func() { _ = k.server.Close() }() // nothing of it is needed
	r.version = "MySQL " + s.server.Version + " and " + string(k.server.Product) + " " + k.server.Version + " behind a proxy that enforces the limits, on the same machine"
	b.environment = servers.KinesisEnvironment()
	defer func() { b.environment = nil }()
	if err := k.full(ctx, r); err != nil {
		return err
	}
	return k.slow(ctx, r)
}

// streams makes a stream for each run.
type streams struct {
	b      *bench
	s      *mysqlSource
	server *local.Kinesis
	runs   int

	perRow float64 // bytes of a row's event, once it is known
}

// run has f publish to a new stream, through a proxy.
func (k *streams) run(ctx context.Context, shards int, f func(p *fault.Proxy, stream string) error) error {
	k.runs++
	stream := "bench-" + strconv.Itoa(k.runs)
	if err := k.server.CreateStream(ctx, stream, shards); err != nil {
		return err
	}
	p, err := fault.Listen(1, k.server.Endpoint)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // nothing of it is needed
	if err := f(p, stream); err != nil {
		return err
	}
	return k.server.DeleteStream(ctx, stream)
}

// full fills one shard.
func (k *streams) full(ctx context.Context, r *report) error {
	b := k.b
	fmt.Printf("writing %d rows in transactions of 100\n", b.shard)
	load, err := k.s.load("few", b.shard, 100)
	if err != nil {
		return err
	}
	events := filepath.Join(b.dir, "kinesis-events")
	if _, err := b.fromFile(ctx, k.s, load, "file://"+events); err != nil {
		return err
	}
	file := filepath.Join(events, "bench.bench.few.ndjson")
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	k.perRow = float64(info.Size()) / float64(b.shard)
	byTable, byKey := share{title: "by table: one lane"}, share{title: "by key: 1,024 lanes"}
	c, err := b.race(
		ctx, fmt.Sprintf("Drain of %d rows of 12 columns in transactions of 100 into one shard", b.shard), b.shard,
		program{"`publish.packing: lines`, by table", 0, k.one(load, "table", &byTable)},
		program{"`publish.packing: lines`, by key", 0.9, k.one(load, "key", &byKey)},
		program{"500 events in a PutRecords, what failed again", 1, func(ctx context.Context) (u usage, err error) {
			err = k.run(ctx, 1, func(p *fault.Proxy, stream string) error {
				p.Limit(limits())
				self, err := os.Executable()
				if err != nil {
					return err
				}
				cmd := exec.CommandContext(ctx, self, "-peer", "putrecords", p.Endpoint(), stream, file)
				cmd.Env = append(os.Environ(), b.environment...)
				u, err = measure(cmd)
				return err
			})
			return u, err
		}},
	)
	if err != nil {
		return err
	}
	r.courses, r.shares = append(r.courses, c), append(r.shares, byTable, byKey)
	return nil
}

func limits() fault.Limits {
	return fault.Limits{
		RecordsPerCall: 500, BytesPerCall: 10 << 20, BytesPerRecord: 1 << 20,
		BytesPerSecond: shardBytes, RecordsPerSecond: shardRecords,
	}
}

// one drains a load into one shard, and adds how much of it was used.
func (k *streams) one(load fileLoad, by string, to *share) func(context.Context) (usage, error) {
	return func(ctx context.Context) (u usage, err error) {
		err = k.run(ctx, 1, func(p *fault.Proxy, stream string) error {
			p.Limit(limits())
			used := 0.0
			k.b.watch = func(ended <-chan struct{}, _ int) { used = stored(p, ended) / shardBytes }
			defer func() { k.b.watch = nil }()
			var err error
			u, err = k.drain(ctx, p, stream, load, by)
			to.used = append(to.used, used)
			return err
		})
		return u, err
	}
}

// drain publishes a load to a stream.
func (k *streams) drain(ctx context.Context, p *fault.Proxy, stream string, load fileLoad, by string) (usage, error) {
	dir, err := os.MkdirTemp(k.b.dir, "run-")
	if err != nil {
		return usage{}, err
	}
	to := "kinesis://" + stream + "?" + url.Values{"region": {"us-east-1"}, "endpoint": {p.Endpoint()}}.Encode()
	config := fmt.Sprintf("name: bench\nsource:\n%s  snapshot: never\npublish: {url: %q, partition_by: %s}\ncheckpoint: {url: %q}\nlimits: {memory: %s}\n",
		k.s.source(load), to, by, "file://"+filepath.Join(dir, "checkpoint.json"), memory)
	return k.b.daemon(ctx, config, load.places()...)
}

// stored returns how many bytes a second the stream was given until the program
// ended. The first two seconds are left out: a shard that was idle takes more then.
func stored(p *fault.Proxy, ended <-chan struct{}) float64 {
	const idle = 2 * time.Second
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var first, from, last time.Time
	var before, bytes int64
	for {
		select {
		case now := <-tick.C:
			taken := p.Seen().TakenBytes
			switch {
			case taken > 0 && first.IsZero():
				first = now
			case from.IsZero() && !first.IsZero() && now.Sub(first) > idle && taken > bytes:
				from, before = now, taken // just after something came, as at the end
			}
			if taken > bytes {
				last, bytes = now, taken
			}
		case <-ended:
			if !last.After(from) || from.IsZero() {
				return 0
			}
			return float64(bytes-before) / last.Sub(from).Seconds()
		}
	}
}

// slow lets a stream take a hundredth of what the source gives.
func (k *streams) slow(ctx context.Context, r *report) error {
	b := k.b
	rows := b.rows / 2 // it takes a hundred times as long as the source needs
	fmt.Printf("writing %d rows in transactions of 100\n", rows)
	load, err := k.s.load("orders", rows, 100)
	if err != nil {
		return err
	}
	fast, err := b.fromFile(ctx, k.s, load, "discard:")
	if err != nil {
		return err
	}
	rate := k.perRow * float64(rows) / fast.wall.Seconds()
	return k.run(ctx, manyShards, func(p *fault.Proxy, stream string) error {
		p.Accept(rate / 100)
		result := slow{title: fmt.Sprintf("%.1f MB/s, of %.0f MB/s that the source gives to `discard:`", rate/100/1e6, rate/1e6)}
		var rss []int64
		b.watch = func(ended <-chan struct{}, pid int) { rss = resident(ended, pid) }
		defer func() { b.watch = nil }()
		var err error
		if result.usage, err = k.drain(ctx, p, stream, load, "key"); err != nil {
			return err
		}
		for i, v := range rss {
			half := &result.halves[2*i/len(rss)]
			*half = max(*half, v)
		}
		fmt.Printf("%s: %s\n", result.title, result.usage)
		r.slow = append(r.slow, result)
		return nil
	})
}

// resident returns how much memory a process had, four times a second until it
// ended.
func resident(ended <-chan struct{}, pid int) (all []int64) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n := rssOf(pid); n > 0 {
				all = append(all, n)
			}
		case <-ended:
			return all
		}
	}
}

// rssOf returns 0 for a process that has ended.
func rssOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
