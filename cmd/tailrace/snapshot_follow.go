package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tailrace/tailrace/internal/console"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
	"github.com/tailrace/tailrace/status"
)

// How often a daemon is asked how far its copies are, how often a line says so where
// there is no terminal, and how long it may be away: it may be started anew.
const (
	lookEvery = 500 * time.Millisecond
	awayLimit = 2 * time.Minute
)

// follow shows how far copies are until all of them have ended. Its error says how
// those ended that are not done.
func (a *copyAsker) follow(ctx context.Context, asked []snapshot.Entry, out *os.File) error {
	screen := console.NewTerminal(out)
	defer func() {
		if screen.Live() {
			screen.Status("")
		}
	}()
	left := make(map[uint64]snapshot.Entry, len(asked))
	for _, e := range asked {
		left[e.ID] = e
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var errs []error
	answered, told := time.Now(), time.Now()
	for len(left) > 0 {
		_, page, err := a.list(ctx)
		switch {
		case ctx.Err() != nil:
			return failure.Usage("the copies go on; tailrace snapshot list shows them, and tailrace snapshot cancel ends one", "interrupted")
		case err != nil && time.Since(answered) > awayLimit:
			return errors.Join(append(errs, err)...)
		case err != nil: // it goes on with its copies when it is back
		default:
			answered = time.Now()
			var lines strings.Builder
			errs = append(errs, settle(left, page.Copies, &lines)...)
			if _, err := io.WriteString(screen, lines.String()); err != nil {
				return fmt.Errorf("show what was copied: %w", err)
			}
			if screen.Live() {
				screen.Status(followLine(len(asked)-len(left), len(asked), page))
			} else if time.Since(told) >= lineEvery && len(left) > 0 {
				told = time.Now()
				screen.Status(strings.Join(copiesOf(page.Progress), ", "))
			}
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return errors.Join(errs...)
}

// settle takes those copies out of left that have ended, writes a line for each, and
// returns an error for each that is not done.
func settle(left map[uint64]snapshot.Entry, now []snapshot.Entry, lines *strings.Builder) (errs []error) {
	gone := make([]uint64, 0, len(left))
	for id := range left {
		gone = append(gone, id)
	}
	for _, e := range now {
		if _, ours := left[e.ID]; !ours {
			continue
		}
		gone = slices.DeleteFunc(gone, func(id uint64) bool { return id == e.ID })
		switch e.Status {
		case snapshot.Done:
			fmt.Fprintf(lines, "done: %s, %s rows\n", copyName(e), console.Count(uint64(e.Rows)))
		case snapshot.Failed:
			errs = append(errs, failure.Stop("", "%s has failed: %s", copyName(e), clean(e.Why)))
		case snapshot.Cancelled:
			errs = append(errs, failure.Stop("", "%s was cancelled", copyName(e)))
		default:
			continue
		}
		delete(left, e.ID)
	}
	slices.Sort(gone)
	for _, id := range gone {
		errs = append(errs, failure.Stop("the log of the daemon says it", "it is not known how %s ended, as the daemon has been started since", copyName(left[id])))
		delete(left, id)
	}
	return errs
}

func followLine(done, all int, page status.SnapshotPage) string {
	line := console.Bar(page.Progress.Rows, page.Progress.RowsEstimate)
	if all > 1 {
		line += fmt.Sprintf("  %d of %d asked for", done, all)
	}
	for _, fact := range copiesOf(page.Progress) {
		line += "  " + fact
	}
	return line
}

// printCopies writes a page for people.
func printCopies(out io.Writer, page status.SnapshotPage) error {
	if page.Progress.Active {
		fmt.Fprintln(out, "copying: "+strings.Join(copiesOf(page.Progress), ", "))
	}
	if len(page.Copies) == 0 {
		_, err := fmt.Fprintln(out, "there are no copies")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTABLE\tSTATUS\tROWS\tOF ABOUT\tWHERE")
	for _, e := range page.Copies {
		id, estimate, state := "first", "", string(e.Status)
		if e.ID > 0 {
			id = strconv.FormatUint(e.ID, 10)
		}
		if e.Estimate > 0 {
			estimate = console.Count(uint64(e.Estimate))
		}
		if e.Why != "" {
			state += ": " + e.Why
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", id, clean(e.Table), clean(state), console.Count(uint64(e.Rows)), estimate, clean(e.Where))
	}
	return w.Flush()
}
