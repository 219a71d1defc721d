package config

import (
	"fmt"
	"io"
)

const hidden = "<secret>"

// A Secret is text that must not be printed. Every formatter, encoder and
// logger shows <secret>; Reveal is the only way to the text. The zero Secret is
// empty. The text is behind a pointer so that even a formatter that looks into
// unexported fields by reflection finds an address and not the text.
type Secret struct{ text *string }

// NewSecret returns a Secret of text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text. Whoever calls it puts it nowhere but into the
// connection that it is for.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns <secret>.
func (Secret) String() string { return hidden }

// GoString returns <secret>.
func (Secret) GoString() string { return hidden }

// Format writes <secret> whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText returns <secret>; JSON, YAML, XML and zap's reflection use it.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
