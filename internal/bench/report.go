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

// report collects what was measured.
type report struct {
	rows, giant  int
	ours, theirs []usage // in pairs
	memory       []usage // to discard, to files
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

// ratios says how many times as fast ours was, pair by pair.
func (r *report) ratios() []float64 {
	var all []float64
	for i := range r.ours {
		all = append(all, r.theirs[i].wall.Seconds()/r.ours[i].wall.Seconds())
	}
	return all
}

func (r *report) markdown() string {
	var b strings.Builder
	line := func(name string, us []usage) {
		wall := column(us, func(u usage) time.Duration { return u.wall })
		fmt.Fprintf(&b, "| %s | %.2f s (%.2f-%.2f) | %.0f k | %.2f s | %d MiB |\n", name,
			median(wall).Seconds(), slices.Min(wall).Seconds(), slices.Max(wall).Seconds(),
			float64(r.rows)/median(wall).Seconds()/1000,
			median(column(us, func(u usage) time.Duration { return u.cpu })).Seconds(),
			slices.Max(column(us, func(u usage) int64 { return u.rss }))>>20)
	}
	fmt.Fprintf(&b, "%s, %d processors, %s.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	fmt.Fprintf(&b, "Drain of %d rows of 12 columns in transactions of 100, Postgres 15 on the same machine; %d runs of each, in turn; median (least-most):\n\n", r.rows, len(r.ours))
	b.WriteString("| program | time | rows/s | its CPU | peak RSS |\n| --- | --- | --- | --- | --- |\n")
	line("`tailrace run --publish discard: --memory "+memory+"`", r.ours)
	line("`pg_recvlogical -f /dev/null`", r.theirs)
	ratios := r.ratios()
	fmt.Fprintf(&b, "\n**%.2f times as fast**, median of the pairs (%.2f-%.2f).\n\n", median(ratios), slices.Min(ratios), slices.Max(ratios))
	fmt.Fprintf(&b, "One transaction of %d rows with `--memory %s`:\n\n| sink | time | peak RSS |\n| --- | --- | --- |\n", r.giant, memory)
	for i, name := range []string{"`discard:`", "`file:///dir`"} {
		fmt.Fprintf(&b, "| %s | %.1f s | %d MiB |\n", name, r.memory[i].wall.Seconds(), r.memory[i].rss>>20)
	}
	return b.String()
}

// judge returns what falls short of the project's targets.
func (r *report) judge() error {
	var errs []error
	if got := median(r.ratios()); got < leastRatio {
		errs = append(errs, fmt.Errorf("%.2f times as fast as pg_recvlogical, and the target is %.1f", got, leastRatio))
	}
	for _, u := range r.memory {
		if u.rss > mostRSS {
			errs = append(errs, fmt.Errorf("peak RSS of %d MiB, and the target is %d", u.rss>>20, int64(mostRSS)>>20))
		}
	}
	return errors.Join(errs...)
}

// Between these lines a document holds what was measured last.
const (
	markBegin = "<!-- measured -->\n"
	markEnd   = "<!-- end -->\n"
)

func replaceBetweenMarkers(path, text string) error {
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(doc), markBegin)
	_, after, ok2 := strings.Cut(rest, markEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no markers %q and %q", path, strings.TrimSpace(markBegin), strings.TrimSpace(markEnd))
	}
	return os.WriteFile(path, []byte(before+markBegin+"\n"+text+"\n"+markEnd+after), 0o644)
}
