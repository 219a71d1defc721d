// Package page reads the SQL out of docs/consumers.md that acceptflink runs.
package page

import (
	"fmt"
	"strings"
)

// A Page is the SQL of the document. A block may hold several statements.
type Page struct {
	Settings string // SET statements
	Table    string // the topic as a changelog, whose newest rows Flink keeps
	Log      string // the topic as a log of events
	View     string // the newest event per key of that
}

// What the document's SQL names and a trial replaces.
const (
	topic  = "shop.public.orders"
	broker = "broker-1:9092"
)

// Read takes the blocks of SQL that are marked in the document's text. One that is
// missing is an error, and so is one that does not name its topic and broker once.
func Read(text string) (Page, error) {
	var p Page
	for name, to := range map[string]*string{"settings": &p.Settings, "table": &p.Table, "log": &p.Log, "view": &p.View} {
		mark := "<!-- make accept-flink runs this: " + name + " -->\n```sql\n"
		_, block, found := strings.Cut(text, mark)
		block, _, closed := strings.Cut(block, "\n```")
		if !found || !closed {
			return Page{}, fmt.Errorf("there is no block of SQL behind %q", mark)
		}
		*to = block
	}
	for _, ddl := range []string{p.Table, p.Log} {
		for _, name := range []string{topic, broker} {
			if strings.Count(ddl, "'"+name+"'") != 1 {
				return Page{}, fmt.Errorf("the SQL does not name '%s' once: %s", name, ddl)
			}
		}
	}
	return p, nil
}

// Statements returns those of a block, without semicolons.
func Statements(block string) []string {
	var all []string
	for statement := range strings.SplitSeq(block, ";\n") {
		if statement = strings.TrimSuffix(strings.TrimSpace(statement), ";"); statement != "" {
			all = append(all, statement)
		}
	}
	return all
}

// For returns the SQL of a table for another topic and broker, ending where the
// topic does now. types replaces types of columns.
func For(ddl, otherTopic, otherBroker string, types *strings.Replacer) string {
	ddl = types.Replace(ddl)
	ddl = strings.Replace(ddl, "'"+broker+"'", "'"+otherBroker+"'", 1)
	return strings.Replace(ddl, "'"+topic+"'", "'"+otherTopic+"', 'scan.bounded.mode' = 'latest-offset'", 1)
}
