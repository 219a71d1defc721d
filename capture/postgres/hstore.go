package postgres

import (
	"bytes"

	"github.com/tailrace/tailrace/internal/quote"
)

// hstore is a JSON object of strings or null, its members in the server's order.
type hstore struct{ sameText }

// AppendText appends the JSON object too: it has no plainer form.
func (c hstore) AppendText(dst, raw []byte) ([]byte, error) { return c.AppendJSON(dst, raw) }

func (hstore) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	for len(raw) > 0 {
		var ok bool
		if dst, raw, ok = appendHstoreText(dst, raw); !ok {
			return dst[:start], malformed("hstore")
		}
		if raw, ok = bytes.CutPrefix(raw, []byte("=>")); !ok {
			return dst[:start], malformed("hstore")
		}
		dst = append(dst, ':')
		if rest, null := bytes.CutPrefix(raw, []byte("NULL")); null {
			dst = append(dst, "null"...)
			raw = rest
		} else if dst, raw, ok = appendHstoreText(dst, raw); !ok {
			return dst[:start], malformed("hstore")
		}
		if len(raw) == 0 {
			break
		}
		if raw, ok = bytes.CutPrefix(raw, []byte(", ")); !ok || len(raw) == 0 {
			return dst[:start], malformed("hstore")
		}
		dst = append(dst, ',')
	}
	return append(dst, '}'), nil
}

// appendHstoreText appends the quoted text that raw starts with as a JSON string
// and returns what follows it.
func appendHstoreText(dst, raw []byte) (out, rest []byte, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return dst, raw, false
	}
	n, escaped := quotedLen(raw)
	if n == 0 {
		return dst, raw, false
	}
	value := raw[1 : n-1]
	dst = append(dst, '"')
	for escaped {
		i := bytes.IndexByte(value, '\\')
		if i < 0 {
			break
		}
		dst = quote.AppendJSONContent(dst, value[:i])
		dst = quote.AppendJSONContent(dst, value[i+1:i+2])
		value = value[i+2:]
	}
	dst = quote.AppendJSONContent(dst, value)
	return append(dst, '"'), raw[n:], true
}
