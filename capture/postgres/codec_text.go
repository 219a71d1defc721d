package postgres

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf8"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// text is the codec of everything whose event form is the server's own text as
// a string.
type text struct{ sameText }

func (text) AppendJSON(dst, raw []byte) ([]byte, error) { return quote.AppendJSON(dst, raw), nil }

func (text) AppendText(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }

// checked is a codec whose input is not known to be UTF-8.
type checked struct {
	schema.Codec
	replace bool
}

func (c checked) AppendJSON(dst, raw []byte) ([]byte, error) {
	raw, err := c.valid(raw)
	if err != nil {
		return dst, err
	}
	return c.Codec.AppendJSON(dst, raw)
}

func (c checked) AppendText(dst, raw []byte) ([]byte, error) {
	raw, err := c.valid(raw)
	if err != nil {
		return dst, err
	}
	return c.Codec.AppendText(dst, raw)
}

func (c checked) valid(raw []byte) ([]byte, error) {
	switch {
	case utf8.Valid(raw):
		return raw, nil
	case c.replace:
		return bytes.ToValidUTF8(raw, []byte("\uFFFD")), nil
	}
	return nil, failure.Stop(
		`repair the value in the database, or set values.invalid_text to "replace"`,
		"a text value is not valid UTF-8")
}

// bytea is padded standard base64.
type bytea struct{ sameText }

func (c bytea) AppendJSON(dst, raw []byte) ([]byte, error) {
	return appendQuoted(dst, raw, c.AppendText)
}

func (bytea) AppendText(dst, raw []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(raw, []byte(`\x`))
	if !ok || len(digits)%2 != 0 {
		return dst, malformed("bytea")
	}
	// The length is a multiple of three, so that only the last piece is padded.
	var piece [768]byte
	start := len(dst)
	for len(digits) > 0 {
		n := min(len(digits), 2*len(piece))
		m, err := hex.Decode(piece[:], digits[:n])
		if err != nil {
			return dst[:start], malformed("bytea")
		}
		dst = base64.StdEncoding.AppendEncode(dst, piece[:m])
		digits = digits[n:]
	}
	return dst, nil
}
