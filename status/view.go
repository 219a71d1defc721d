package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/snapshot"
)

// How long something may last before the pipeline counts as not ready.
const (
	silentSink  = 10 * time.Second // the sink owes an answer
	unsavedWork = 30 * time.Second // the checkpoint is not saved
)

// A view is all that is known at one moment.
type view struct {
	Work
	log    look
	limit  int64 // on Held
	now    time.Time
	copies *snapshot.Progress // nil if the pipeline makes none

	stopped bool // the process ends: nothing that the pipeline did last is so any more
}

// atEnd is how many bytes may lie behind the saved place of a pipeline that has
// nothing to do: the server writes some of its own, and they are read in turns.
const atEnd = 16 << 20

// idle reports whether there is nothing to do. A server that has more log, and is
// slow to give it, is not at its end.
func (v *view) idle() bool {
	s, known := v.sight()
	return v.Doing.Phase == pipeline.Following && v.Doing.Idle && (!known || s.Behind <= atEnd)
}

// doing says in one line what the pipeline does, and what holds it up.
func (v *view) doing() string {
	if v.stopped {
		return "stopped"
	}
	word := string(v.Doing.Phase)
	switch {
	case v.Doing.Phase == pipeline.Following && v.copies != nil && v.copies.Active:
		word = fmt.Sprintf("copying tables, %d of %d done", v.copies.Done, v.copies.Tables)
		if v.copies.Waits != "" {
			word += ", waits for " + v.copies.Waits
		}
	case v.idle():
		word = "idle"
	}
	if why := v.trouble(); why != "" {
		return word + ": " + why
	}
	return word
}

// unready says why the pipeline does not do its work now, "" if it does.
func (v *view) unready() string {
	if v.stopped {
		return "stopped"
	}
	trouble := v.trouble()
	switch {
	case v.Doing.Phase == pipeline.Following:
		return trouble
	case trouble == "":
		return string(v.Doing.Phase)
	}
	return string(v.Doing.Phase) + ": " + trouble
}

// trouble says what holds the pipeline up, or will end it, "" if nothing does.
func (v *view) trouble() string {
	var all []string
	d := &v.Doing
	if stuck := v.stuck(); stuck != "" {
		all = append(all, stuck)
	}
	if s, known := v.sight(); known && s.Lost != "" {
		all = append(all, s.Lost)
	}
	if d.Phase != pipeline.Following && d.Why != "" {
		all = append(all, d.Why)
	}
	if d.Sink > silentSink {
		all = append(all, "the sink has owed an answer for "+Span(d.Sink))
	}
	if d.Save > unsavedWork {
		why := "the checkpoint has not been saved for " + Span(d.Save)
		if d.WhySave != "" {
			why += " (" + d.WhySave + ")"
		}
		all = append(all, why)
	}
	return strings.Join(all, "; ")
}

// stuck says why only a restart helps, "" if it is not so.
func (v *view) stuck() string {
	if v.Doing.Stuck == "" {
		return ""
	}
	return fmt.Sprintf("%s has been at one step for more than %s, which is a bug: SIGQUIT ends the process and shows where it was", v.Doing.Stuck, Span(pipeline.Work))
}

// lag returns how old the last published change is, or false while nobody knows.
func (v *view) lag() (time.Duration, bool) {
	if v.idle() {
		return 0, true
	}
	return v.Doing.Lag, v.Dated
}

// sight returns what the server has said of its log, or false when that is too
// long ago to be shown as true.
func (v *view) sight() (capture.Sight, bool) {
	return v.log.sight, !v.log.at.IsZero() && v.now.Sub(v.log.at) <= stale
}
