package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A firstCopy is what copies in one way took.
type firstCopy struct {
	name   string
	rows   int
	usages []usage
}

// latencies are those of commits alone and while a table is copied, in turn.
type latencies struct {
	quiet          time.Duration
	rows           int
	alone, copying []arrived
}

// ratios says how many times as long the 99th percentile was, pair by pair.
func (l latencies) ratios() (all []float64) {
	for i, a := range l.copying {
		all = append(all, ms(percentile(a.sent, 99))/ms(percentile(l.alone[i].sent, 99)))
	}
	return all
}

func (l latencies) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "Commits of one row, %d a second, until each is in the file; %d runs of each, in turn; median (least-most):\n\n", tickRate, len(l.alone))
	b.WriteString("| meanwhile | commits | p50 | p99 | p99 from the commit's answer | rows/s of the copy |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, k := range []struct {
		title string
		runs  []arrived
		rows  int
	}{
		{"nothing else", l.alone, 0},
		{fmt.Sprintf("a first copy of %d rows", l.rows), l.copying, l.rows},
	} {
		commits := 0
		for _, a := range k.runs {
			commits += len(a.sent)
		}
		fmt.Fprintf(b, "| %s | %d |", k.title, commits)
		for _, f := range []func(arrived) float64{
			func(a arrived) float64 { return ms(percentile(a.sent, 50)) },
			func(a arrived) float64 { return ms(percentile(a.sent, 99)) },
			func(a arrived) float64 { return ms(percentile(a.commits, 99)) },
		} {
			var all []float64
			for _, a := range k.runs {
				all = append(all, f(a))
			}
			fmt.Fprintf(b, " %.1f ms (%.1f-%.1f) |", median(all), slices.Min(all), slices.Max(all))
		}
		if k.rows == 0 {
			b.WriteString(" |\n")
			continue
		}
		var rates []float64
		for _, a := range k.runs {
			rates = append(rates, float64(k.rows)/a.span.Seconds()/1000)
		}
		fmt.Fprintf(b, " %.0f k |\n", median(rates))
	}
	r := l.ratios()
	fmt.Fprintf(b, "\nThe 99th percentile is **%.2f times** (%.2f-%.2f) that without a copy.\n\n", median(r), slices.Min(r), slices.Max(r))
}

// snapshotMarkdown writes what was measured of first copies.
func (r *report) snapshotMarkdown(b *strings.Builder) {
	if slices.ContainsFunc(r.copies, firstCopy.looked) {
		b.WriteString("| without what comes before the first row | before it | rows/s |\n| --- | --- | --- |\n")
		for _, c := range r.copies {
			if !c.looked() {
				continue
			}
			first := median(column(c.usages, func(u usage) time.Duration { return u.first }))
			rest := median(column(c.usages, func(u usage) time.Duration { return u.wall - u.first }))
			fmt.Fprintf(b, "| %s | %.2f s | %.0f k |\n", c.name, first.Seconds(), float64(c.rows)/rest.Seconds()/1000)
		}
		b.WriteByte('\n')
	}
	for _, l := range r.latencies {
		l.markdown(b)
	}
	for _, d := range r.beside {
		d.markdown(b)
	}
}

// looked says whether somebody looked when the first row was written.
func (c firstCopy) looked() bool {
	return !slices.ContainsFunc(c.usages, func(u usage) bool { return u.first == 0 })
}

// judgeSnapshots returns what falls short of the targets of first copies.
func (r *report) judgeSnapshots() error {
	var errs []error
	for _, c := range r.copies {
		if rss := slices.Max(column(c.usages, func(u usage) int64 { return u.rss })); rss > copyRSS {
			errs = append(errs, fmt.Errorf("%s: peak RSS of %d MiB, and the target is %d", c.name, rss>>20, int64(copyRSS)>>20))
		}
	}
	for _, l := range r.latencies {
		if got := median(l.ratios()); got > mostLatency {
			errs = append(errs, fmt.Errorf("latency: the 99th percentile is %.2f times that without a copy, and the target is %d", got, mostLatency))
		}
	}
	for _, d := range r.beside {
		if got := median(d.ratios()); got < leastDebezium {
			errs = append(errs, fmt.Errorf("first copy into Kafka: %.2f times as fast as Debezium, and the target is %d", got, leastDebezium))
		}
	}
	return errors.Join(errs...)
}
