package postgres_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

func TestRowsOfCopy(t *testing.T) {
	for _, c := range []struct {
		name, line string
		columns    int
		want       string // as rowText has it; "" for an error
	}{
		{"no columns", "", 0, " "},
		{"one empty text", "", 1, `""`},
		{"two texts", "a\tb", 2, `"a" "b"`},
		{"empty texts", "\t\t", 3, `"" "" ""`},
		{"NULL", `\N` + "\t" + `\N`, 2, "null null"},
		{"what looks like NULL", `\\N` + "\t" + `x\\N` + "\tN", 3, `"\\N" "x\\N" "N"`},
		{"what looks like the end", `\\.`, 1, `"\\."`},
		{"every escape", `\b\f\n\r\t\v\\`, 1, `"\b\f\n\r\t\v\\"`},
		{"an escape in the middle of a row", "a\tb" + `\t` + "c\td", 3, `"a" "b\tc" "d"`},
		{"an escape first and plain texts behind", `\\` + "\ta\tb", 3, `"\\" "a" "b"`},
		{"escapes in every field", `\\` + "\t" + `\n` + "\t" + `\\`, 3, `"\\" "\n" "\\"`},
		{"octal digits", `\101\0\18\1011`, 1, `"A\x00\x018A1"`},
		{"hexadecimal digits", `\x41\x4g\xg\x411`, 1, `"A\x04gxgA1"`},
		{"a letter that needs no escape", `\q`, 1, `"q"`},
		{"more than ASCII", "né\t日本", 2, `"né" "日本"`},
		{"a field too few", "a", 2, ""},
		{"a field too many", "a\tb", 1, ""},
		{"a field too many behind an escape", `\n` + "\tb", 1, ""},
		{"a field where there is no column", "a", 0, ""},
		{"an escape of nothing", `a\`, 1, ""},
		{"an escape of nothing before another field", `a\` + "\tb", 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, err := cut(t, []byte(c.line), c.columns)
			if err != nil || c.want == "" {
				if (err == nil) != (c.want != "") {
					t.Fatalf("got %s, %v, want %s", rowText(row), err, c.want)
				}
				return
			}
			if got, want := rowText(row), c.want; got != want && c.columns > 0 {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// cut reads a row as a worker does, twice: it must leave the line as it is.
func cut(t testing.TB, line []byte, columns int) (event.Row, error) {
	t.Helper()
	raw := slices.Concat([]byte("before"), line, []byte("behind"))
	u := event.Unit{Raw: slices.Clone(raw), Items: []event.Item{{Op: event.Read, Start: uint32(len("before")), End: uint32(len("before") + len(line)), Pos: 7}}}
	c := event.Change{Op: event.Read, Table: &schema.Table{Columns: make([]schema.Column, columns)}}
	var row event.Row
	var err error
	for range 2 {
		err = postgres.NewReadSplitter().Split(&u, &u.Items[0], &c, func(c *event.Change) error {
			if c.Pos != 7 || c.Before != nil || len(c.After) != columns {
				t.Errorf("got a change at %d with the old row %v and %d columns, want 7, none, %d", c.Pos, c.Before, len(c.After), columns)
			}
			row = c.After
			return nil
		})
		if !bytes.Equal(u.Raw, raw) {
			t.Fatalf("the unit holds %q now, want %q", u.Raw, raw)
		}
	}
	return row, err
}

func TestATruncateOfASnapshotHasNoRow(t *testing.T) {
	u := event.Unit{Items: []event.Item{{Op: event.Truncate, Pos: 9}}}
	c := event.Change{Op: event.Truncate, Table: &schema.Table{Columns: make([]schema.Column, 2)}, Before: event.Row{{}}, After: event.Row{{}}, Moved: event.Row{{}}}
	calls := 0
	err := postgres.NewReadSplitter().Split(&u, &u.Items[0], &c, func(c *event.Change) error {
		calls++
		if c.Before != nil || c.After != nil || c.Moved != nil || c.Pos != 9 {
			t.Errorf("got %+v, want no rows at 9", c)
		}
		return nil
	})
	if err != nil || calls != 1 {
		t.Errorf("got %d changes, %v, want 1", calls, err)
	}
}

func TestRowsOfCopyAllocateNothing(t *testing.T) {
	line := []byte("1\tsome text\t" + `\N` + "\ta\\tb\t2026-11-22 10:00:00+00")
	var c event.Change
	got := testing.AllocsPerRun(100, func() {
		if err := postgres.CutLine(line, &c, c.Scratch(0, 5)); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations for a row, want none", got)
	}
}

// With -update, the rows become seeds of FuzzRowsOfCopy.
func TestRowsOfCopyAreWhatTheServerSelects(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		conn := connect(t, version)
		query := "SELECT x, nullif(y, x), ARRAY[x, y], x || y, '\\x00095c0a'::bytea FROM unnest(" + odd + ") x, unnest(" + odd + ") y"
		results, err := conn.Exec(t.Context(), query).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := conn.CopyTo(t.Context(), &out, "COPY ("+query+") TO STDOUT"); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), []byte{'\n'})
		if len(lines) != len(results[0].Rows) || len(lines) < 400 {
			t.Fatalf("COPY has %d rows, SELECT %d", len(lines), len(results[0].Rows))
		}
		for n, fields := range results[0].Rows {
			if line := copyOut(fields); !bytes.Equal(line, lines[n]) {
				t.Errorf("the test writes the row %q, the server %q", line, lines[n])
			}
			row, err := cut(t, lines[n], len(fields))
			if err != nil {
				t.Fatalf("read %q: %v", lines[n], err)
			}
			for i, v := range row {
				if null := v.State == event.Null; null != (fields[i] == nil) || !bytes.Equal(v.Raw, fields[i]) {
					t.Errorf("%q: field %d: got %q, want %q", lines[n], i, v.Raw, fields[i])
				}
				if fields[i] == nil {
					fields[i] = []byte{0xfe}
				}
			}
			if n%20 == 0 {
				seed(t, "FuzzRowsOfCopy", fmt.Sprintf("postgres%d-%d", version, n/20), fmt.Sprintf("[]byte(%q)", bytes.Join(fields, []byte{0xff})))
			}
		}
	})
}

// copyOut writes fields as the server does (CopyAttributeOutText).
func copyOut(fields [][]byte) []byte {
	escapes := map[byte]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v', '\\': '\\'}
	var line []byte
	for i, f := range fields {
		if i > 0 {
			line = append(line, '\t')
		}
		if f == nil {
			line = append(line, '\\', 'N')
		}
		for _, b := range f {
			if letter, ok := escapes[b]; ok {
				line = append(line, '\\', letter)
			} else {
				line = append(line, b)
			}
		}
	}
	return line
}

// FuzzRowsOfCopy holds the reader against the server's way of writing: the input is
// cut into fields at 0xff, and one that is 0xfe alone is NULL. The input as it is,
// as a row, must be a row of that many fields or an error.
func FuzzRowsOfCopy(f *testing.F) {
	for _, seed := range []string{"", "a\xffb", "\xfe", "\\N", "\t\n\r\\\b\f\v", "\xff\xff", "\\", "x\\101\\x41\ty", "\xfe\xff\\\xff\xfe"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		fields := bytes.Split(input, []byte{0xff})
		for i, field := range fields {
			if string(field) == "\xfe" {
				fields[i] = nil
			}
		}
		if len(fields) > 1600 {
			return // no table is as wide
		}
		row, err := cut(t, copyOut(fields), len(fields))
		if err != nil {
			t.Fatalf("read %q: %v", fields, err)
		}
		for i, v := range row {
			if null := v.State == event.Null; null != (fields[i] == nil) || !bytes.Equal(v.Raw, fields[i]) {
				t.Fatalf("field %d: got %q, want %q", i, v.Raw, fields[i])
			}
		}
		columns := bytes.Count(input, []byte{'\t'}) + 1
		if columns > 1600 {
			return
		}
		_, _ = cut(t, input, columns) // no more than that it does not panic
		if _, err := cut(t, input, columns+1); err == nil {
			t.Fatalf("a row of %d fields was read as one of more", columns)
		}
	})
}
