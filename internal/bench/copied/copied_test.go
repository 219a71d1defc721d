package copied_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/internal/bench/copied"
)

// row is the event of a row that was read.
func row(id int) string {
	text := fmt.Sprintf(`{"op":"r","before":null,"after":{"id":%d`, id)
	for c := range 11 {
		text += fmt.Sprintf(`,"c%d":null`, c)
	}
	return text + `},"ver":"00000000/1/2/3"}` + "\n"
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copied.ndjson")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACopyHasEachRowOnce(t *testing.T) {
	for _, c := range []struct {
		name, text, want string // want is a part of the error, "" for none
	}{
		{"each row once, in any order", row(2) + row(3) + row(1), ""},
		{"a row is missing", row(1) + row(3), "2 rows were copied, want 3"},
		{"a row comes twice", row(1) + row(2) + row(2), "line 3 of what was copied has the row 2 again"},
		{"a row was never there", row(1) + row(2) + row(4), "line 3 of what was copied is not that of a row"},
		{"an insert is no row that was read", strings.Replace(row(1), `"r"`, `"c"`, 1), "line 1 of what was copied is not that of a row"},
		{"the last line is torn", row(1) + row(2) + row(3)[:90], "line 3 of what was copied"},
		{"a column is missing", strings.Replace(row(1), `,"c3":null`, "", 1), "line 1 of what was copied lacks a part"},
		{"there is nothing", "", "0 rows were copied, want 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := copied.EachOnce(written(t, c.text), 3)
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheNumberOfARowIsFound(t *testing.T) {
	for _, c := range []struct {
		name, line string
		id         int
		ok         bool
	}{
		{"of many columns", row(1234567), 1234567, true},
		{"of one column", `{"op":"c","after":{"id":7},"ver":""}`, 7, true},
		{"of an old row only", `{"op":"d","before":{"id":7},"after":null}`, 0, false},
		{"that is no number", `{"op":"c","after":{"id":"7"}}`, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if id, ok := copied.ID([]byte(c.line)); id != c.id || ok != c.ok {
				t.Errorf("got %d, %v, want %d, %v", id, ok, c.id, c.ok)
			}
		})
	}
}

func TestACopyLastsFromItsFirstLineToItsLast(t *testing.T) {
	file := written(t, "")
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		go func() {
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			// It pauses longer than a copy that is done would be waited for.
			for _, pause := range []time.Duration{time.Second, 5 * time.Second, time.Second} {
				time.Sleep(pause)
				if _, err := f.WriteString("a row\n"); err != nil {
					t.Error(err)
				}
			}
		}()
		from, to, err := copied.Grown(t.Context(), file, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what      string
			got, want time.Duration
		}{
			{"began", from.Sub(begin), time.Second},
			{"ended", to.Sub(begin), 7 * time.Second},
		} {
			if (c.got - c.want).Abs() > 20*time.Millisecond {
				t.Errorf("it %s after %v, want %v", c.what, c.got, c.want)
			}
		}
	})
}

func TestACopyThatStandsStillIsGivenUp(t *testing.T) {
	file := written(t, "a row\n")
	synctest.Test(t, func(t *testing.T) {
		for _, f := range []string{file, file + ".none"} {
			if _, _, err := copied.Grown(t.Context(), f, 2); err == nil || !strings.Contains(err.Error(), "stands still") {
				t.Errorf("got %v, want that it stands still", err)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(fmt.Errorf("it has ended"))
		if _, _, err := copied.Grown(ctx, file, 2); err == nil || err.Error() != "it has ended" {
			t.Errorf("got %v, want why it was cancelled", err)
		}
	})
}
