package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/checkpoint"
	checkpointfile "github.com/tailrace/tailrace/checkpoint/file"
	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/writable"
	filesink "github.com/tailrace/tailrace/publish/file"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/schema"
	"github.com/tailrace/tailrace/status"
)

// What sources and stores can say beforehand; every one that there is can.
type (
	placeChecker interface {
		CheckPlace(ctx context.Context, st checkpoint.State, from string) error
		Captured(ctx context.Context) ([]schema.Table, error)
	}
	copyChecker interface {
		CheckCopy(ctx context.Context) error
	}
	storeChecker interface {
		Check(ctx context.Context) (checkpoint.State, error)
	}
)

var (
	_ placeChecker = (*postgres.Source)(nil)
	_ placeChecker = (*mysql.Source)(nil)
	_ copyChecker  = (*postgres.Source)(nil)
	_ copyChecker  = (*mysql.Source)(nil)
	_ storeChecker = (*checkpointfile.Store)(nil)
	_ storeChecker = (*checkpointkafka.Store)(nil)
)

// checkStore looks at the checkpoint and returns its State.
func checkStore(ctx context.Context, cfg config.Config, p *part) checkpoint.State {
	p.call(checkpointPlace(cfg))
	store, _, err := newOutputs(cfg, p.log())
	if err != nil && cfg.Publish.Kafka.ExactlyOnce {
		return checkpoint.State{} // the sink says why: it is the same cluster
	}
	st, err := store.(storeChecker).Check(ctx)
	p.refuse(err)
	if st.Position != "" {
		p.say("it holds the position %s", st.Position)
	} else if err == nil {
		p.say("it can be kept there, and there is none yet")
	}
	return st
}

// checkResume says what the pipeline would say of the State. That a first start
// needs to be told where to begin is no error: it is told for that start alone.
func checkResume(cfg config.Config, st checkpoint.State, p *part) {
	switch unreadable := p.found(failure.ExitStop) || p.found(failure.ExitUsage); {
	case st.Position == "" && unreadable:
	case st.Position == "" && cfg.From == "" && cfg.Source.Snapshot != config.SnapshotNever:
		p.say("the first start follows the log from then on, and copies the rows that are there")
	case st.Position == "" && cfg.From == "":
		p.warn("there is no checkpoint yet", "say at the first start where to begin: --from now (or earliest, or a position)")
	case cfg.Publish.Kafka.ExactlyOnce && st.Position != "" && startOf(cfg, st) == "" && cfg.From != string(st.Position) && st.Selection != selection(cfg) && st.Open():
		p.refuse(failure.Stop(
			"start with the former ones and stop again while nothing is written; or accept that events come twice, with --from "+string(st.Position),
			"tables or settings that decide which events exist were changed while a transaction was half published, and exactly once can't send it again"))
	}
}

// startOf is the start that is to be applied to st, as the pipeline decides it: ""
// for the checkpoint's, or one that an earlier start has applied.
func startOf(cfg config.Config, st checkpoint.State) string {
	if cfg.From == st.From && st.Position != "" {
		return ""
	}
	return cfg.From
}

// A checkedSource is a source that was looked at.
type checkedSource struct {
	part    *part
	src     capture.Source // nil if there is none to ask
	reached bool           // the server has answered
	tables  []schema.Table
}

// checkSource asks the server about itself.
func checkSource(ctx context.Context, cfg config.Config, p *part) *checkedSource {
	s := &checkedSource{part: p}
	p.refuse(checkPlaces(cfg))
	src, _, err := newSource(cfg, nil, false, p.log())
	if err != nil {
		p.refuse(err)
		return s
	}
	s.src = src
	err = src.Check(ctx)
	p.refuse(err)
	d := src.Describe()
	p.call(d.Server)
	// Who is silent or refuses the login has told no version.
	if s.reached = len(strings.Fields(d.Version)) > 1; !s.reached {
		return s
	}
	p.call(d.Version + " at " + d.Server)
	if n := len(d.Tables); n > 0 {
		names := strings.Join(d.Tables[:min(n, 10)], ", ")
		if n > 10 {
			names += ", …"
		}
		p.say("%s: %s", plural(n, "table"), names)
	}
	if s.tables, err = src.(placeChecker).Captured(ctx); err != nil {
		p.refuse(err)
	}
	if cfg.Source.Snapshot != config.SnapshotNever && len(s.tables) > 0 {
		if err := src.(copyChecker).CheckCopy(ctx); err != nil {
			p.refuse(err)
		} else {
			p.say("the tables can be copied")
		}
	}
	checkSpill(cfg, p)
	return s
}

// checkPlace asks whether the log can be read from where run would begin. Beside a
// daemon that runs, only that one knows.
func (s *checkedSource) checkPlace(ctx context.Context, cfg config.Config, st checkpoint.State, daemon bool) {
	if !s.reached || s.part.found(failure.ExitUsage) {
		return
	}
	from := startOf(cfg, st)
	if st.Position == "" {
		from = cmp.Or(from, event.Now)
	}
	s.part.refuse(s.src.(placeChecker).CheckPlace(ctx, st, from))
	switch {
	case s.part.errors() > 0 || daemon: // and it would be of no use
	case from != "":
		s.part.say("a start from %s is possible", from)
	default:
		s.part.say("the log still has everything behind the checkpoint's place")
		s.checkKept(ctx, cfg, st)
	}
}

// soon is below which time the server's keeping of the place is warned about.
const soon = time.Hour

// checkKept says how much is to be read, and for how long it stays.
func (s *checkedSource) checkKept(ctx context.Context, cfg config.Config, st checkpoint.State) {
	gauge, err := newGauge(cfg, s.part.log())
	if err != nil {
		s.part.refuse(err)
		return
	}
	defer func() { _ = gauge.Close() }() // it has only asked
	sight, err := gauge.Look(ctx, st)
	if err != nil {
		s.part.refuse(err)
		return
	}
	if sight.Behind != capture.Unknown {
		s.part.say("%s of log lie behind it", status.Size(sight.Behind))
	}
	if sight.Left != capture.Unknown && sight.Left < soon {
		s.part.warn(fmt.Sprintf("the server may delete the log at the checkpoint's place in %s (%s), and what was not read by then is lost", status.Span(sight.Left), sight.Limit),
			"start Tailrace now, or raise that setting")
	}
}

func (s *checkedSource) close() {
	if s.src != nil {
		_ = s.src.Close() // it has only asked
	}
}

// checkSpill looks at where large transactions of a binlog wait for their end.
func checkSpill(cfg config.Config, p *part) {
	if cfg.Source.Kind == config.SourcePostgres {
		return
	}
	if err := writable.Folder(cmp.Or(cfg.Limits.SpillDir, os.TempDir()), 0); err != nil {
		p.warn(fmt.Sprintf("transactions that are too large for memory have no place to wait for their end, and would stop Tailrace: %v", err), "name a folder in limits.spill_dir")
	}
}

// checkSink looks at where events go; tables are those that are there now.
func checkSink(ctx context.Context, cfg config.Config, st checkpoint.State, tables []schema.Table, p *part) {
	p.call(cfg.Publish.URL)
	topics := topicsOf(cfg, tables, p)
	switch cfg.Publish.Sink {
	case config.SinkFile:
		err := filesink.Check(cfg.Publish.Dir)
		p.refuse(err)
		if err == nil {
			p.say("event files can be written there")
		}
	case config.SinkKafka:
		settings, err := kafkaSettings(cfg, p.log())
		if err != nil {
			p.refuse(err)
			return
		}
		settings.Partitions = st.Partitions
		seen, err := kafka.Check(ctx, settings, topics)
		p.refuse(err)
		if seen.Brokers == 0 {
			return
		}
		p.say("%s; %s needed now: %d there, %d that can be made", plural(seen.Brokers, "broker"), amount(topics), seen.Topics, seen.Missing)
		if seen.Largest > 0 && cfg.Publish.DeadLetter == "" {
			p.say("events of up to %d bytes (max.message.bytes); a larger one stops Tailrace, since publish.dead_letter is not set", seen.Largest)
		}
	case config.SinkKinesis:
		checkStreams(ctx, cfg, p)
	default:
		p.say("there is nothing to check")
	}
}

// amount says how many topics there are; two tables may have one.
func amount(uses []kafka.Use) string {
	names := make(map[string]bool)
	for _, u := range uses {
		names[u.Name] = true
	}
	if len(names) == 1 {
		return "1 topic is"
	}
	return fmt.Sprintf("%d topics are", len(names))
}

// topicsOf returns the topics that the events of tables and what goes with them
// are for, and refuses tables whose events would be among other records.
func topicsOf(cfg config.Config, tables []schema.Table, p *part) []kafka.Use {
	uses := []kafka.Use{
		{Name: cfg.Name + ".transactions", Keyless: true}, {Name: cfg.Name + ".progress", Keyless: true}, {Name: cfg.Name + ".schemas"},
	}
	if cfg.Publish.Truncate == config.TruncateControl {
		uses = append(uses, kafka.Use{Name: cfg.Name + ".control", Keyless: true})
	}
	if cfg.Publish.DeadLetter != "" {
		uses = append(uses, kafka.Use{Name: cfg.Publish.DeadLetter})
	}
	others := taken(cfg)
	for _, t := range tables {
		name := cfg.Publish.Topic.Name(cfg.Name, t.Database, t.Namespace(), t.Name)
		if slices.Contains(others, name) {
			p.refuse(failure.Stop("name more in publish.topic, as {schema}, or exclude the table",
				"the events of table %s would go to topic %s, which is for other records", &t, name))
			continue
		}
		uses = append(uses, kafka.Use{Name: name})
	}
	return uses
}

// checkAdmin takes the address of the admin listener and gives it back. A daemon
// that runs may be the one who has it; nothing else that is wrong with it is.
func checkAdmin(ctx context.Context, cfg config.Config, p *part) {
	if cfg.Admin.Listen == "" {
		return
	}
	p.call(cfg.Admin.Listen)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Admin.Listen)
	if err != nil {
		taken := errors.Is(err, syscall.EADDRINUSE)
		err = status.CantListen(cfg.Admin.Listen, err)
		if stop := (*failure.StopError)(nil); taken && errors.As(err, &stop) {
			stop.Code = failure.ExitFenced
		}
		p.refuse(err)
		return
	}
	_ = l.Close()
	p.say("the address is free")
}
