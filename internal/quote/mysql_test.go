package quote_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/quote"
)

func TestMySQLIdent(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"a plain name is quoted too", "orders", "`orders`"},
		{"backticks are doubled", "od`d", "`od``d`"},
		{"other quotes and backslashes mean nothing", `a\b'c"d`, "`a\\b'c\"d`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quote.MySQLIdent(tt.in); got != tt.want {
				t.Errorf("MySQLIdent(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
	if got, want := quote.MySQLQualified("a.b", "c`"), "`a.b`.`c```"; got != want {
		t.Errorf("MySQLQualified = %s, want %s", got, want)
	}
}

func TestMySQLLiteral(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty text", "", `''`},
		{"quotes are doubled", `it's`, `'it''s'`},
		{"backslashes are doubled", `a\'b`, `'a\\''b'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quote.MySQLLiteral(tt.in); got != tt.want {
				t.Errorf("MySQLLiteral(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}
