package transform_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/transform"
)

func TestTopicName(t *testing.T) {
	tests := []struct {
		name              string
		template          string
		db, schema, table string
		want              string
	}{
		{"plain names stand as they are", transform.DefaultTopic, "app", "public", "order_items", "shop.public.order_items"},
		{"the database has a placeholder too", "{db}-{table}", "app", "public", "orders", "app-orders"},
		{"a dot in a name is escaped", transform.DefaultTopic, "app", "a.b", "c", "shop.a_x2Eb.c"},
		{"upper case and digits stay", transform.DefaultTopic, "app", "public", "Orders-2", "shop.public.Orders-2"},
		{"every byte of a letter outside ASCII is escaped", transform.DefaultTopic, "app", "public", "é", "shop.public._xC3_xA9"},
		{"what looks like an escape is escaped", transform.DefaultTopic, "app", "public", "a_x2Eb", "shop.public.a_x5Fx2Eb"},
		{"an underscore before an escape stays", transform.DefaultTopic, "app", "public", "a_.b", "shop.public.a__x2Eb"},
		{"a table named as a dot does not become a relative path", "{table}", "app", "public", "..", "_x2E_x2E"},
		{"a slash does not become a folder", "{table}", "app", "public", "../x", "_x2E_x2E_x2Fx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topic, err := transform.ParseTopic(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			if got := topic.Name("shop", tt.db, tt.schema, tt.table); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := topic.String(); got != tt.template {
				t.Errorf("template: got %q, want %q", got, tt.template)
			}
		})
	}
}

func TestTopicNameIsCutAtKafkasLimit(t *testing.T) {
	topic := defaultTopic(t)
	a := topic.Name("shop", "app", "public", strings.Repeat("a", 300)+"1")
	b := topic.Name("shop", "app", "public", strings.Repeat("a", 300)+"2")
	if len(a) != 249 || len(b) != 249 {
		t.Errorf("got %d and %d bytes, want 249", len(a), len(b))
	}
	if a == b {
		t.Errorf("two tables share the topic %q", a)
	}
	whole := topic.Name("shop", "app", "public", strings.Repeat("a", 249-len("shop.public.")))
	if want := "shop.public." + strings.Repeat("a", 237); whole != want {
		t.Errorf("a name of 249 bytes: got %q, want %q", whole, want)
	}
}

func TestParseTopicRefuses(t *testing.T) {
	tests := []struct{ name, template, want string }{
		{"an unknown placeholder", "{name}.{tabel}", "the placeholders are {name}, {db}, {schema} and {table}"},
		{"a template without the table", "{name}.{schema}", "it must contain {table}"},
		{"an empty template", "", "it must contain {table}"},
		{"an open brace", "{name}.{table", "a placeholder lacks its closing brace"},
		{"a stray closing brace", "{table}}", "a topic consists of A-Z a-z 0-9 . _ - and placeholders in braces"},
		{"a slash", "a/{table}", "a topic consists of A-Z a-z 0-9 . _ - and placeholders in braces"},
		{"a letter whose low byte is an ASCII letter", "ũ{table}", "a topic consists of A-Z a-z 0-9 . _ - and placeholders in braces"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := transform.ParseTopic(tt.template)
			if err == nil {
				t.Fatalf("got no error, want %q", tt.want)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzTopicNamesDiffer looks for two tables that share a topic, and for a name
// that Kafka would refuse.
func FuzzTopicNamesDiffer(f *testing.F) {
	f.Add("a.b", "c", "a", "b.c")
	f.Add("a", "_x2E", "a", ".")
	f.Add("a_", "xb", "a", "_xb")
	f.Add("a", strings.Repeat("é", 100), "a", strings.Repeat("é", 101))
	f.Add("", "a", "a", "")
	legal := regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	f.Fuzz(func(t *testing.T, schema1, table1, schema2, table2 string) {
		topic := defaultTopic(t)
		a := topic.Name("shop", "app", schema1, table1)
		b := topic.Name("shop", "app", schema2, table2)
		if !legal.MatchString(a) {
			t.Errorf("got %q, which is no legal topic", a)
		}
		if same := schema1 == schema2 && table1 == table2; same != (a == b) {
			t.Errorf("%q.%q and %q.%q: got topics %q and %q", schema1, table1, schema2, table2, a, b)
		}
	})
}

func defaultTopic(t *testing.T) *transform.Topic {
	t.Helper()
	topic, err := transform.ParseTopic(transform.DefaultTopic)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}
