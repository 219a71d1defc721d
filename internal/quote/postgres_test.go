package quote_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/quote"
)

func TestPostgresIdent(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"a plain name is quoted too", "orders", `"orders"`},
		{"quotes are doubled", `od"d`, `"od""d"`},
		{"backslashes mean nothing", `a\b`, `"a\b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quote.PostgresIdent(tt.in); got != tt.want {
				t.Errorf("PostgresIdent(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
	if got, want := quote.PostgresQualified("a.b", `c"`), `"a.b"."c"""`; got != want {
		t.Errorf("PostgresQualified = %s, want %s", got, want)
	}
}

func TestPostgresLiteral(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty text", "", `''`},
		{"quotes are doubled", `it's`, `'it''s'`},
		{"a backslash asks for the escaped form", `a\b'c`, `E'a\\b''c'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quote.PostgresLiteral(tt.in); got != tt.want {
				t.Errorf("PostgresLiteral(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}
