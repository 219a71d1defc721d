package console_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/console"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The cases are files of events, each a line with the record's key, a tab and
// the event; beside each stands what is shown of it, plain and coloured.
func TestLinesAreAsInTheGoldenFiles(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.events")
	if err != nil || len(cases) == 0 {
		t.Fatalf("list cases: %v, %d of them", err, len(cases))
	}
	for _, path := range cases {
		name := strings.TrimSuffix(filepath.Base(path), ".events")
		t.Run(strings.ReplaceAll(name, "_", " "), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, o := range []console.Options{{}, {Color: true, Width: 10}} {
				p := console.NewPrinter(o)
				for line := range bytes.Lines(text) {
					key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"))
					if got, _, err = p.Append(got, key, value); err != nil {
						t.Fatal(err)
					}
					got = append(got, '\n')
				}
			}
			golden := strings.TrimSuffix(path, ".events") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestNothingOfAValueActsOnTheTerminal(t *testing.T) {
	p := console.NewPrinter(console.Options{})
	for _, c := range []struct{ name, value string }{
		{"a colour in a text", `"\u001b[31mred"`},
		{"a title in an escape of C1", `"\u009b2J"`},
		{"a bell and a backspace", `"\u0007\b\r\n\t"`},
		{"a mark that turns the direction", `"\u202egnp.exe"`},
		{"an escape of C1 in embedded JSON", "{\"a\":\"\u009b2J\u202e\"}"},
		{"a delete in embedded JSON", "[\"\x7f\"]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, event := range []string{
				`{"op":"c","before":null,"after":{"a":` + c.value + `},"source":{"schema":"s","table":"t"}}`,
				`{"op":"u","before":{"a":` + c.value + `},"after":{"a":1},"source":{"schema":"s","table":"t"}}`,
			} {
				line, _, err := p.Append(nil, nil, []byte(event))
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range string(line) {
					if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' {
						t.Errorf("got %q, which holds %U", line, r)
					}
				}
			}
		})
	}
	t.Run("a name of a column", func(t *testing.T) {
		line, _, err := p.Append(nil, nil, []byte(`{"op":"c","after":{"\u001b[2J":1},"absent":["\u001bc"],"source":{"schema":"\u001b","table":"\u0007"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(line, "\x1b\x07") {
			t.Errorf("got %q, which holds a control character", line)
		}
	})
}

func TestAnErrorHoldsNothingOfTheRow(t *testing.T) {
	p := console.NewPrinter(console.Options{})
	for _, c := range []struct{ name, key, value string }{
		{"no JSON", "", `{"op":"c","after":{"a":"secret"`},
		{"a row that is none", "", `{"op":"c","after":"secret"}`},
		{"a key that is none", `"secret"`, `{"op":"c","after":{"a":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := p.Append(nil, []byte(c.key), []byte(c.value))
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("got the error %v, want one without the value", err)
			}
		})
	}
}
