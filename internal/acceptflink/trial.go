package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/acceptflink/page"
	"github.com/tailrace/tailrace/internal/servers/local"
)

const header = "trial                                      changes   events  sent again  given up  rows at end  count without removal of duplicates    took"

// A trial is a table that changes, a daemon that is killed, and Flink.
type trial struct {
	options
	contender
	world
	source source
	daemon daemon
	topic  topic
}

// try runs a trial under the pipeline's name and returns its line of the table.
// Its folder stays behind when it fails.
func (o options) try(ctx context.Context, w world, c contender, name string) (row string, err error) {
	begin := time.Now()
	folder, err := os.MkdirTemp("", "tailrace-acceptflink-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(folder)
		} else {
			err = fmt.Errorf("%w\nsee %s: tailrace.yaml, tailrace.log", err, folder)
		}
	}()
	s, err := c.start(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t := trial{options: o, contender: c, world: w, source: s}
	t.daemon = daemon{binary: o.binary, folder: folder, url: s.url}
	t.topic = topic{name: name + "." + s.schema + ".orders", broker: w.kafka.Plain}
	if err := t.daemon.configure(name, s.schema, w.kafka.Plain, c); err != nil {
		return "", err
	}
	changes, err := t.publish(ctx)
	if err != nil {
		return "", err
	}
	events, again, err := t.topic.count(ctx, true)
	if err != nil {
		return "", err
	}
	_, all, err := t.topic.count(ctx, false)
	if err != nil {
		return "", err
	}
	t.say("%d changes, %d events, %d sent again, %d more given up", changes, events, again, all-again)
	if (again == 0) != t.exactlyOnce {
		return "", fmt.Errorf("%d events came again after %d kills", again, t.kills)
	}
	rows, without, err := t.compare(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%-41s  %7d  %7d  %10d  %8d  %11d  %36s  %6s", c.name, changes, events, again, all-again, rows, without, time.Since(begin).Round(time.Second)), nil
}

func (t trial) say(format string, values ...any) {
	fmt.Fprintf(t.out, "%s: %s\n", t.name, fmt.Sprintf(format, values...))
}

// publish changes the table while the daemon is killed again and again, lets it
// catch up, and returns how many changes were committed.
func (t trial) publish(ctx context.Context) (changes int, err error) {
	if err := t.daemon.drain(ctx, "--from", "now"); err != nil {
		return 0, err
	}
	w := writer{source: t.source, r: rand.New(rand.NewPCG(t.seed, 0))}
	share := t.changes / (t.kills + 1)
	for kill := range t.kills {
		if err := t.life(ctx, &w, share*(kill+1)); err != nil {
			return 0, err
		}
		t.say("%d changes, kill %d of %d", w.changes, kill+1, t.kills)
	}
	if err := w.write(ctx, t.changes); err != nil {
		return 0, err
	}
	return w.changes, t.daemon.drain(ctx)
}

// life runs the daemon while the table changes, and kills it once it has
// published half of that.
func (t trial) life(ctx context.Context, w *writer, changes int) (err error) {
	before, err := t.topic.appended(ctx)
	if err != nil {
		return err
	}
	enough := before + int64(changes-w.changes)/2
	p, err := t.daemon.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.kill()) }()
	if err := w.write(ctx, changes); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		now, err := t.topic.appended(ctx)
		if err != nil || now >= enough {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the daemon publishes too little: %w; it said: %s", ctx.Err(), t.daemon.lastWords())
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("the daemon ended by itself (%w); it said: %s", err, t.daemon.lastWords())
		}
	}
}

// What is compared: each row, and sums of groups.
const (
	flinkRows = `SELECT CAST(id AS STRING), region, CAST(total AS STRING), CAST(paid AS STRING), CAST(placed AS STRING), CAST(changed AS STRING),
		CAST(due AS STRING), JSON_VALUE(detail, '$.n'), picture FROM `
	sums = "SELECT region, COUNT(*), SUM(total), SUM(id), COUNT(paid) FROM orders GROUP BY region"
)

// flinkSums is sums, with decimals as text: Flink's JSON drops their zeros.
func flinkSums(table string) string {
	return strings.Replace(strings.Replace(sums, "SUM(total)", "CAST(SUM(total) AS STRING)", 1), "FROM orders", "FROM "+table, 1)
}

// compare has Flink read the topic and compares with the database. It returns how
// many rows there are, and how many Flink counts where it takes every event for
// new.
func (t trial) compare(ctx context.Context) (rows int, without string, err error) {
	session, err := t.flink.Session(ctx)
	if err != nil {
		return 0, "", err
	}
	for _, block := range []string{t.page.Settings, t.sql(t.page.Table), t.sql(t.page.Log), t.page.View} {
		for _, statement := range page.Statements(block) {
			if _, err := session.Run(ctx, statement); err != nil {
				return 0, "", err
			}
		}
	}
	want, err := t.source.query(ctx, t.source.rows)
	if err != nil {
		return 0, "", err
	}
	for _, table := range []string{"orders", "orders_now"} {
		got, err := session.Run(ctx, flinkRows+table)
		if err != nil {
			return 0, "", err
		}
		if err := equal("the rows of "+table, got, want); err != nil {
			return 0, "", err
		}
		wantSums, err := t.source.query(ctx, sums)
		if err != nil {
			return 0, "", err
		}
		got, err = session.Run(ctx, flinkSums(table))
		if err != nil {
			return 0, "", err
		}
		if err := equal("the sums over "+table, got, wantSums); err != nil {
			return 0, "", err
		}
		t.say("%d rows and %d groups of %s are equal", len(want), len(wantSums), table)
	}
	without, err = t.without(ctx, session, len(want))
	return len(want), without, err
}

// without counts the rows of a table that takes every event for new, as Flink does
// unless told otherwise. That must be right where no event comes again and
// `before` holds whole rows, and wrong elsewhere, as the document says.
func (t trial) without(ctx context.Context, session *local.FlinkSession, want int) (string, error) {
	if _, err := session.Run(ctx, "SET 'table.exec.source.cdc-events-duplicate' = 'false'"); err != nil {
		return "", err
	}
	right := t.exactlyOnce && t.fullBefore
	got, err := session.Run(ctx, "SELECT COUNT(*) FROM orders")
	if err != nil {
		return "", err
	}
	if len(got) != 1 || (got[0][0] == fmt.Sprint(want)) != right {
		return "", fmt.Errorf("without the removal of duplicates Flink counts %v of %d rows, want that to be right: %t", got, want, right)
	}
	return got[0][0], nil
}

// sql returns one of the document's tables for the trial's topic.
func (t trial) sql(ddl string) string {
	return page.For(ddl, t.topic.name, t.topic.broker, t.source.types)
}

// equal compares two sets of rows.
func equal(what string, got, want [][]string) error {
	for _, rows := range [][][]string{got, want} {
		slices.SortFunc(rows, slices.Compare[[]string])
	}
	for i := range max(len(got), len(want)) {
		var g, w []string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if !slices.Equal(g, w) {
			return fmt.Errorf("%s differ, %d in Flink and %d in the database; the first difference: got %q, want %q", what, len(got), len(want), g, w)
		}
	}
	return nil
}
