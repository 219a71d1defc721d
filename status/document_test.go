package status_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/status"
)

// keysOf adds the keys of a type's JSON, with the word of docs/metrics.md for the
// type of each. Of an object that may be absent it is a key itself.
func keysOf(t *testing.T, typ reflect.Type, prefix string, keys map[string]string) {
	t.Helper()
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			t.Errorf("%s.%s has no key", typ, f.Name)
			continue
		}
		name = prefix + name
		field := f.Type
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
			if field.Kind() == reflect.Struct && field != reflect.TypeFor[time.Time]() {
				keys[name] = "object"
			}
		}
		switch {
		case field == reflect.TypeFor[time.Time]():
			keys[name] = "time"
		case field == reflect.TypeFor[[]string]():
			keys[name] = "list of texts"
		case field.Kind() == reflect.Struct:
			keysOf(t, field, name+".", keys)
		case field.Kind() == reflect.String:
			keys[name] = "text"
		case field.Kind() == reflect.Bool:
			keys[name] = "true or false"
		case field.ConvertibleTo(reflect.TypeFor[float64]()):
			keys[name] = "number"
		default:
			t.Errorf("%s is a %s, for which the document has no word", name, field)
		}
	}
}

func TestTheDocumentListsEveryKeyOfTheStatus(t *testing.T) {
	got := map[string]string{}
	keysOf(t, reflect.TypeFor[status.Report](), "", got)
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Status\n")
	if !ok {
		t.Fatal("docs/metrics.md has no section on the status")
	}
	want := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| ([a-z ]+) \\|").FindAllStringSubmatch(section, -1) {
		if want[m[1]] != "" {
			t.Errorf("docs/metrics.md has the key %s twice", m[1])
		}
		want[m[1]] = m[2]
	}
	if !maps.Equal(got, want) {
		t.Errorf("the status has\n%s\nand docs/metrics.md says\n%s", lines(got), lines(want))
	}
}
