package walk

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/workload"
)

// A form is what a table has for a key.
type form uint8

const (
	number   form = iota // an integer
	pair                 // an integer and a text, which stand the other way round in the table
	text                 // texts of many alphabets
	uuid                 // MySQL, MariaDB: 16 bytes
	folded               // a text whose case does not count, and changes
	wide                 // an integer, and a value that most updates leave alone
	keyless              // an integer that several rows share
	truncate             // as number, and the table is emptied now and then
)

// plan is how many tables of each form there are.
var plan = []struct {
	form form
	name string
	n    int
}{
	{number, "number", 3},
	{truncate, "emptied", 1},
	{pair, "pair", 3},
	{text, "text", 3},
	{uuid, "uuid", 3},
	{folded, "folded", 3},
	{wide, "wide", 2},
	{keyless, "keyless", 2},
}

// A table is one that is walked on.
type table struct {
	oracle.Table
	form form
	kind workload.Kind
}

func tables(kind workload.Kind) []*table {
	var all []*table
	for _, p := range plan {
		for i := range p.n {
			t := &table{form: p.form, kind: kind}
			t.Name = fmt.Sprintf("%s_%d", p.name, i+1)
			switch p.form {
			case pair:
				t.Columns, t.Key = []string{"code", oracle.Step, oracle.Echo, "region"}, []string{"region", "code"}
			case keyless:
				t.Columns = []string{"id", oracle.Step, oracle.Echo}
			case wide:
				t.Columns, t.Key = []string{"id", oracle.Wide, oracle.Step, oracle.Echo}, []string{"id"}
			default:
				t.Columns, t.Key = []string{"id", oracle.Step, oracle.Echo}, []string{"id"}
			}
			all = append(all, t)
		}
	}
	return all
}

// Tables returns the tables as the oracle sees them.
func Tables(kind workload.Kind) []oracle.Table {
	var all []oracle.Table
	for _, t := range tables(kind) {
		all = append(all, t.Table)
	}
	return all
}

// words begin keys of text. Collations order them in many ways.
var words = []string{"a", "B", "ä", "Zz", "_", "日本", "%x", "it''s", "-", "é e"}

// foldings is how many ways a folded key can be written.
const foldings = 8

// key returns the literals of the key of a row, by column.
func (t *table) key(id, folding int) map[string]string {
	switch t.form {
	case pair:
		return map[string]string{"region": fmt.Sprint(id%7 - 3), "code": fmt.Sprintf("'%s/%d'", words[id%len(words)], id)}
	case text:
		return map[string]string{"id": fmt.Sprintf("'%s-%d'", words[id%len(words)], id)}
	case uuid:
		sum := sha256.Sum256(fmt.Append(nil, t.Name, id))
		if t.kind == workload.Postgres {
			return map[string]string{"id": fmt.Sprintf("'%x-%x-%x-%x-%x'", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])}
		}
		return map[string]string{"id": fmt.Sprintf("x'%x'", sum[:16])}
	case folded:
		letters := []byte("key")
		for i := range letters {
			if folding&(1<<i) != 0 {
				letters[i] -= 'a' - 'A'
			}
		}
		return map[string]string{"id": fmt.Sprintf("'%s-%d'", letters, id)}
	}
	return map[string]string{"id": fmt.Sprint(id)}
}

// where returns the condition that finds a row.
func (t *table) where(id, folding int) string {
	key := t.key(id, folding)
	if t.form == pair {
		return "region = " + key["region"] + " AND code = " + key["code"]
	}
	return "id = " + key["id"]
}

// row returns the literals of a row in table order.
func (t *table) row(id, folding int, n int64) string {
	values := t.key(id, folding)
	values[oracle.Step] = fmt.Sprint(n)
	values[oracle.Echo] = "'" + oracle.StepText(n) + "'"
	values[oracle.Wide] = fmt.Sprintf("'%012d%s'", n, strings.Repeat(string(rune('a'+n%26)), wideLen))
	all := make([]string, len(t.Columns))
	for i, name := range t.Columns {
		all[i] = values[name]
	}
	return "(" + strings.Join(all, ", ") + ")"
}

// wideLen is how long a wide value is: Postgres stores it outside of the row.
const wideLen = 2500

// raise returns the assignments of an update. MySQL evaluates from left to right.
func (t *table) raise(wider bool) string {
	var set []string
	if t.kind == workload.Postgres {
		if wider {
			set = append(set, fmt.Sprintf("w = lpad((n + 1)::text, 12, '0') || repeat(chr((97 + (n + 1) %% 26)::int), %d)", wideLen))
		}
		set = append(set, "t = 'n=' || lpad((n + 1)::text, 12, '0')")
	} else {
		if wider {
			set = append(set, fmt.Sprintf("w = CONCAT(LPAD(n + 1, 12, '0'), REPEAT(CHAR(97 + (n + 1) %% 26), %d))", wideLen))
		}
		set = append(set, "t = CONCAT('n=', LPAD(n + 1, 12, '0'))")
	}
	return strings.Join(append(set, "n = n + 1"), ", ")
}

// rekey returns the assignments that give a row another key.
func (t *table) rekey(id, folding int) string {
	key := t.key(id, folding)
	if t.form == pair {
		return "region = " + key["region"] + ", code = " + key["code"]
	}
	return "id = " + key["id"]
}
