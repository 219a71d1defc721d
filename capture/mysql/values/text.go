package values

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// resolveText is for columns of text and bytes, which differ by character set
// alone.
func resolveText(c binlog.Column, o Options) (schema.Codec, schema.Kind, error) {
	set, err := charsetOf(c.Charset)
	switch {
	case err != nil:
		return nil, "", err
	case set.name != "binary":
		return set.codec(o.ReplaceInvalid), schema.String, nil
	case c.Type == binlog.TypeString:
		if c.Meta > maxBinary {
			return nil, "", fmt.Errorf("a binary column of %d bytes is not known", c.Meta)
		}
		return padded{width: int(c.Meta)}, schema.Bytes, nil
	}
	return base64Bytes{}, schema.Bytes, nil
}

// codec returns the codec of text in the character set.
func (s charset) codec(replace bool) schema.Codec {
	if s.decode == nil {
		return utf8Text{replace: replace}
	}
	return transcoded{decode: s.decode, wide: s.wide, replace: replace}
}

// noForm is the error for text that can't be written as UTF-8.
func noForm() error {
	return failure.Stop(
		`repair the value in the database, or set values.invalid_text to "replace"`,
		"a text value has characters without a UTF-8 form in its column's character set")
}

// utf8Text is text that the log holds as UTF-8.
type utf8Text struct {
	sameBytes
	replace bool
}

func (c utf8Text) AppendJSON(dst, raw []byte) ([]byte, error) {
	dst, ok := quote.AppendText(dst, raw)
	if ok {
		return dst, nil
	}
	if !c.replace {
		return dst, noForm()
	}
	return quote.AppendJSON(dst, bytes.ToValidUTF8(raw, []byte("\uFFFD"))), nil
}

func (c utf8Text) AppendText(dst, raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		if !c.replace {
			return dst, noForm()
		}
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	return append(dst, raw...), nil
}

// transcoded is text in another character set than UTF-8.
type transcoded struct {
	sameBytes
	decode  decoder
	wide    bool // ASCII is not one byte
	replace bool
}

func (c transcoded) AppendJSON(dst, raw []byte) ([]byte, error) {
	if !c.wide && asciiLen(raw) == len(raw) {
		return quote.AppendJSON(dst, raw), nil
	}
	start := len(dst)
	dst, err := c.AppendText(dst, raw)
	if err != nil {
		return dst, err
	}
	return quoteTail(dst, start), nil
}

func (c transcoded) AppendText(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, ok := c.decode(dst, raw)
	if !ok && !c.replace {
		return dst[:start], noForm()
	}
	return dst, nil
}

// quoteTail makes a JSON string of what stands in dst from start on. It is
// written behind it and moved: there is no other room that is not allocated.
func quoteTail(dst []byte, start int) []byte {
	end := len(dst)
	dst = quote.AppendJSON(dst, dst[start:end])
	return dst[:start+copy(dst[start:], dst[end:])]
}
