package glob_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/glob"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name            string
		pattern         string
		namespace, text string
		want            bool
	}{
		{"a literal names one table", "shop.orders", "shop", "orders", true},
		{"a literal names no other table", "shop.orders", "shop", "orders2", false},
		{"a bare name is one in the default namespace", "orders", "main", "orders", true},
		{"a bare name is none elsewhere", "orders", "shop", "orders", false},
		{"a bare glob stays in the default namespace", "ord*", "shop", "orders", false},
		{"a star stays within its part", "s*", "shop", "orders", false},
		{"a star stands for a whole part", "shop.*", "shop", "orders", true},
		{"a star stands for a slash too", "shop.*", "shop", "a/b", true},
		{"a literal with a dot in the name", "shop.a.b", "shop", "a.b", true},
		{"a glob with a dot in the name", "shop.a.*", "shop", "a.b", true},
		{"a set of letters", "shop.orders_[0-9]", "shop", "orders_7", true},
		{"a glob that is malformed matches nothing", "shop.[", "shop", "[", false},
		{"case counts", "shop.Orders", "shop", "orders", false},
		{"an exclusion names what it excludes", "!shop.*", "shop", "orders", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := glob.Parse(c.pattern, "main").Match(c.namespace, c.text); got != c.want {
				t.Errorf("%q matches %s.%s: %t, want %t", c.pattern, c.namespace, c.text, got, c.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, pattern string
		want          glob.Pattern
		literal       bool
	}{
		{"a name", "shop.orders", glob.Pattern{Text: "shop.orders"}, true},
		{"an exclusion", "!shop.o*", glob.Pattern{Text: "shop.o*", Exclude: true}, false},
		{"a bare exclusion", "!orders", glob.Pattern{Text: "main.orders", Exclude: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := glob.Parse(c.pattern, "main")
			if got != c.want || got.Literal() != c.literal {
				t.Errorf("Parse(%q) = %+v, literal %t, want %+v, literal %t", c.pattern, got, got.Literal(), c.want, c.literal)
			}
		})
	}
}
