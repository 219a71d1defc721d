package postgres

import (
	"bytes"

	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// maxArrayDimensions is the server's MAXDIM.
const maxArrayDimensions = 6

// array is a JSON array, nested for more dimensions, of its elements' forms. An
// array whose bounds don't start at 1 is the server's text as a string: a JSON
// array can't say where it starts.
type array struct {
	sameText
	elem  schema.Codec
	delim byte
}

// AppendText appends the JSON array too: it has no plainer form.
func (c *array) AppendText(dst, raw []byte) ([]byte, error) {
	if hasBounds(raw) {
		return append(dst, raw...), nil
	}
	return c.AppendJSON(dst, raw)
}

func (c *array) AppendJSON(dst, raw []byte) ([]byte, error) {
	if hasBounds(raw) {
		return quote.AppendJSON(dst, raw), nil
	}
	if len(raw) == 0 || raw[0] != '{' {
		return dst, malformed("array")
	}
	start := len(dst)
	depth := 0
	want := true // an element or an opening brace must follow
	for i := 0; i < len(raw); {
		switch b := raw[i]; {
		case want && b == '{' && depth < maxArrayDimensions:
			dst = append(dst, '[')
			depth++
			i++
			want = len(raw) != len("{}") // the only empty array
		case want:
			out, n, err := c.appendElement(dst, raw[i:])
			if err != nil {
				return dst[:start], err
			}
			dst = out
			i += n
			want = false
		case b == '}' && depth > 0:
			dst = append(dst, ']')
			depth--
			i++
		case b == c.delim && depth > 0:
			dst = append(dst, ',')
			i++
			want = true
		default:
			return dst[:start], malformed("array")
		}
	}
	if depth != 0 || want {
		return dst[:start], malformed("array")
	}
	return dst, nil
}

// appendElement appends the element that raw starts with and returns how many
// bytes of raw it took.
func (c *array) appendElement(dst, raw []byte) ([]byte, int, error) {
	if raw[0] == '"' {
		n, escaped := quotedLen(raw)
		if n == 0 {
			return dst, 0, malformed("array")
		}
		value := raw[1 : n-1]
		var err error
		if escaped {
			dst, err = appendUnescaped(dst, value, c.elem)
		} else {
			dst, err = c.elem.AppendJSON(dst, value)
		}
		return dst, n, err
	}
	n := 0
	for n < len(raw) && raw[n] != c.delim && raw[n] != '}' {
		if raw[n] == '{' || raw[n] == '"' || raw[n] == '\\' {
			return dst, 0, malformed("array")
		}
		n++
	}
	if n == 0 {
		return dst, 0, malformed("array")
	}
	if string(raw[:n]) == "NULL" {
		return append(dst, "null"...), n, nil
	}
	dst, err := c.elem.AppendJSON(dst, raw[:n])
	return dst, n, err
}

// appendUnescaped appends the form of a value that is written with backslashes.
// The value itself is put at the end of dst first, and its form moved over it:
// dst is the only buffer there is, and it costs no allocation.
func appendUnescaped(dst, escaped []byte, elem schema.Codec) ([]byte, error) {
	start := len(dst)
	for {
		i := bytes.IndexByte(escaped, '\\')
		if i < 0 {
			break
		}
		dst = append(dst, escaped[:i]...)
		dst = append(dst, escaped[i+1])
		escaped = escaped[i+2:]
	}
	dst = append(dst, escaped...)
	end := len(dst)
	dst, err := elem.AppendJSON(dst, dst[start:end])
	if err != nil {
		return dst[:start], err
	}
	n := copy(dst[start:], dst[end:])
	return dst[:start+n], nil
}

// quotedLen returns the length, quotes included, of the quoted text that s
// starts with, and whether a backslash is in it; 0 if the text does not end.
func quotedLen(s []byte) (n int, escaped bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			i++
		}
	}
	return 0, false
}

// hasBounds reports whether raw starts with the bounds of its dimensions:
// [2:3]={...}.
func hasBounds(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '[' || raw[len(raw)-1] != '}' {
		return false
	}
	bounds, _, ok := bytes.Cut(raw, []byte("]={"))
	return ok && len(bytes.Trim(bounds, "[]:-0123456789")) == 0
}
