package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// commentWidth is where comments break, at spaces.
const commentWidth = 96

// printPlan writes plan as a script of SQL: whatever is no statement is a
// comment.
func printPlan(w io.Writer, pipeline string, plan capture.Plan) error {
	b := bufio.NewWriter(w)
	head := "What the source of pipeline " + pipeline + " needs"
	if plan.Server != "" {
		head += ": " + plan.Server + ", looked at as " + plan.As
	}
	comment(b, "", head+".")
	if plan.Server == "" {
		comment(b, "", "The server was not asked: --as, or "+setupVariable+", says who may ask it.")
	}
	if len(plan.Settings) > 0 {
		fmt.Fprint(b, "\n")
		comment(b, "", "Settings of the server:")
		for _, s := range plan.Settings {
			comment(b, "- ", s.What+".")
			comment(b, "    ", s.How)
		}
	}
	for _, s := range plan.Steps {
		if s.Why != "" {
			fmt.Fprint(b, "\n")
			comment(b, "", s.Why)
		}
		if s.Done {
			comment(b, "", "There already: "+s.SQL+";")
		} else {
			fmt.Fprintf(b, "%s;\n", s.SQL)
		}
	}
	if len(plan.Notes) > 0 {
		fmt.Fprint(b, "\n")
	}
	for _, note := range plan.Notes {
		comment(b, "- ", note)
	}
	return b.Flush()
}

// comment writes text as lines of comment. A name in it may hold a line break,
// behind which no SQL must begin.
func comment(b *bufio.Writer, bullet, text string) {
	prefix := "-- " + bullet
	line := prefix
	for _, word := range strings.Fields(text) {
		if len(line) > len(prefix) && len(line)+1+len(word) > commentWidth {
			fmt.Fprintln(b, line)
			prefix = "-- " + strings.Repeat(" ", len(bullet))
			line = prefix
		}
		if len(line) > len(prefix) {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(b, line)
}
