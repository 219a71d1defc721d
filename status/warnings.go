package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// From where on there is a warning. docs/metrics.md explains them.
const (
	fewBytes = 64 << 20 // of room: four segments of Postgres
	fewParts = 5        // room is less than one of so many parts of what may be kept
	shortAge = time.Hour
	manyLags = 2        // the log stays for less than so many times the lag
	hugeKept = 10 << 30 // without a limit
)

// warnings says what will stop the pipeline, or harm the server, if nobody does
// anything: one sentence each, with the name of the setting.
func (v *view) warnings() []string {
	all := []string{}
	if err := v.log.err; err != nil && !failure.Retryable(err) {
		all = append(all, "the server does not tell about its log: "+oneLine(err.Error()))
	}
	s, known := v.sight()
	if !known {
		return all
	}
	if s.Lost != "" {
		return append(all, s.Lost)
	}
	if w := roomWarning(s); w != "" {
		all = append(all, w)
	}
	lag, _ := v.lag()
	if s.Left != capture.Unknown && (s.Left < shortAge || s.Left < manyLags*lag) {
		all = append(all, fmt.Sprintf("the server may delete the log that this pipeline reads %s%s: raise it, or see what holds the pipeline up", in(s.Left), by(s.Limit)))
	}
	if s.Kept != capture.Unknown && s.Room == capture.Unknown && s.Kept > hugeKept {
		all = append(all, fmt.Sprintf("the server holds %s of log for this pipeline, and no limit keeps its disk from filling%s: see what holds the pipeline up", Size(s.Kept), by(s.Limit)))
	}
	return all
}

// page is one line for /livez or /readyz: text, and what will run out.
func (v *view) page(text string) string {
	s, known := v.sight()
	for _, w := range v.warnings() {
		if known && w == s.Lost {
			continue // it is no warning any more, and in text
		}
		text += "; warning: " + w
	}
	return text + "\n"
}

// oneLine joins the lines of an error that has several.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

func roomWarning(s capture.Sight) string {
	if s.Room == capture.Unknown {
		return ""
	}
	little := s.Room < fewBytes
	if s.Kept != capture.Unknown {
		little = little || s.Room < (s.Kept+s.Room)/fewParts
	}
	if !little {
		return ""
	}
	return fmt.Sprintf("after %s more the server gives up the log that this pipeline needs%s: raise it, or see what holds the pipeline up", Size(s.Room), by(s.Limit))
}

func in(d time.Duration) string {
	if d <= 0 {
		return "at any moment"
	}
	return "in " + Span(d)
}

func by(setting string) string {
	if setting == "" {
		return ""
	}
	return " (" + setting + ")"
}
