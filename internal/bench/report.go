package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report collects what was measured on one source.
type report struct {
	version string
	courses []course
	shares  []share
	peaks   []peak
	slow    []slow

	copies    []firstCopy
	latencies []latencies
	beside    []besideDebezium
}

// A share is how much of what a shard takes was used, run by run.
type share struct {
	title string
	used  []float64
}

// leastShare is the target.
const leastShare = 0.95

// A slow run is one whose sink took little: what it held in memory, in its two
// halves.
type slow struct {
	title  string
	usage  usage
	halves [2]int64
}

// mostGrowth is how much more memory the second half may take, as in
// internal/faults.
const mostGrowth = 8 << 20

// A course is a log that several programs drained in turn.
type course struct {
	title    string
	rows     int
	programs []program // the first is tailrace
	usages   [][]usage // of each program
}

// A peak is what one run of tailrace took in memory.
type peak struct {
	title string
	usage usage
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func column[T any](us []usage, f func(usage) T) []T {
	var all []T
	for _, u := range us {
		all = append(all, f(u))
	}
	return all
}

// ratios says how many times as fast tailrace was as a program, turn by turn.
func (c *course) ratios(program int) []float64 {
	var all []float64
	for i := range c.usages[0] {
		all = append(all, c.usages[program][i].wall.Seconds()/c.usages[0][i].wall.Seconds())
	}
	return all
}

func (c *course) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "%s; %d runs of each, in turn; median (least-most):\n\n", c.title, len(c.usages[0]))
	b.WriteString("| program | time | rows/s | its CPU | peak RSS | the first is as fast |\n| --- | --- | --- | --- | --- | --- |\n")
	for i, p := range c.programs {
		us := c.usages[i]
		wall := column(us, func(u usage) time.Duration { return u.wall })
		fmt.Fprintf(b, "| %s | %.2f s (%.2f-%.2f) | %.0f k | %.2f s | %d MiB |", p.name,
			median(wall).Seconds(), slices.Min(wall).Seconds(), slices.Max(wall).Seconds(),
			float64(c.rows)/median(wall).Seconds()/1000,
			median(column(us, func(u usage) time.Duration { return u.cpu })).Seconds(),
			slices.Max(column(us, func(u usage) int64 { return u.rss }))>>20)
		if i > 0 {
			r := c.ratios(i)
			fmt.Fprintf(b, " **%.2f times** (%.2f-%.2f) |\n", median(r), slices.Min(r), slices.Max(r))
		} else {
			b.WriteString(" |\n")
		}
	}
	b.WriteByte('\n')
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d processors, %s.\n\n", time.Now().UTC().Format(time.DateOnly), r.version, runtime.NumCPU(), runtime.Version())
	for i := range r.courses {
		r.courses[i].markdown(&b)
	}
	r.snapshotMarkdown(&b)
	if len(r.shares) > 0 {
		b.WriteString("| stored, of the 1 MB/s that the shard takes | median (least-most) |\n| --- | --- |\n")
		for _, s := range r.shares {
			fmt.Fprintf(&b, "| %s | **%.3f** (%.3f-%.3f) |\n", s.title, median(s.used), slices.Min(s.used), slices.Max(s.used))
		}
		b.WriteByte('\n')
	}
	if len(r.slow) > 0 {
		fmt.Fprintf(&b, "Memory with `--memory %s`:\n\n| the sink takes | time | peak RSS | in the first half | in the second half |\n| --- | --- | --- | --- | --- |\n", memory)
		for _, s := range r.slow {
			fmt.Fprintf(&b, "| %s | %.1f s | %d MiB | %d MiB | %d MiB |\n", s.title, s.usage.wall.Seconds(), s.usage.rss>>20, s.halves[0]>>20, s.halves[1]>>20)
		}
	}
	if len(r.peaks) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "Memory with `--memory %s`:\n\n| one transaction of | time | peak RSS |\n| --- | --- | --- |\n", memory)
	for _, p := range r.peaks {
		fmt.Fprintf(&b, "| %s | %.1f s | %d MiB |\n", p.title, p.usage.wall.Seconds(), p.usage.rss>>20)
	}
	return b.String()
}

// judge returns what falls short of the project's targets.
func (r *report) judge() error {
	errs := []error{r.judgeSnapshots()}
	for _, c := range r.courses {
		for i, p := range c.programs {
			if i == 0 {
				continue
			}
			if got := median(c.ratios(i)); got < p.least {
				errs = append(errs, fmt.Errorf("%s: %.2f times as fast as %s, and the target is %.2f", c.title, got, p.name, p.least))
			}
		}
	}
	for _, s := range r.shares {
		if got := median(s.used); got < leastShare {
			errs = append(errs, fmt.Errorf("%s: %.3f of what the shard takes, and the target is %.2f", s.title, got, leastShare))
		}
	}
	for _, s := range r.slow {
		if s.halves[1] > s.halves[0]+mostGrowth {
			errs = append(errs, fmt.Errorf("%s: memory grows from %d to %d MiB", s.title, s.halves[0]>>20, s.halves[1]>>20))
		}
		if s.usage.rss > slowRSS {
			errs = append(errs, fmt.Errorf("%s: peak RSS of %d MiB, and the target is %d", s.title, s.usage.rss>>20, int64(slowRSS)>>20))
		}
	}
	for _, p := range r.peaks {
		if p.usage.rss > mostRSS {
			errs = append(errs, fmt.Errorf("%s: peak RSS of %d MiB, and the target is %d", p.title, p.usage.rss>>20, int64(mostRSS)>>20))
		}
	}
	return errors.Join(errs...)
}

// replaceBetweenMarkers puts what was measured last into a document: between
// <!-- measured: source --> and the <!-- end --> that follows.
func replaceBetweenMarkers(path, source, text string) error {
	begin, end := "<!-- measured: "+source+" -->\n", "<!-- end -->\n"
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(doc), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no markers %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644)
}
