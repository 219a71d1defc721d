package postgres

import (
	"bytes"

	"github.com/tailrace/tailrace/internal/quote"
)

// embedded puts a JSON document into the event as the server prints it. A json
// column keeps the line breaks and tabs it was written with; outside strings
// they become spaces, so that an event stays one line (C3.7).
type embedded struct{ sameText }

func (c embedded) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (embedded) AppendText(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, raw...)
	if !flattenJSON(dst[start:]) {
		return dst[:start], malformed("json")
	}
	return dst, nil
}

// flattenJSON turns the white space between the tokens of a document into
// spaces, in place, and reports whether it is one valid document: half a
// document would break the whole event. It keeps its own stack, as neither the
// server nor we should be bound by the depth of Go's.
func flattenJSON(b []byte) bool {
	open := make([]byte, 0, 128) // the brackets that are open
	i := 0
	for {
		i = skipSpace(b, i)
		if i == len(b) {
			return false
		}
		switch b[i] {
		case '{', '[':
			opening := b[i]
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == opening+2 {
				i++
				break
			}
			open = append(open, opening)
			if opening == '{' {
				if i = skipName(b, i); i < 0 {
					return false
				}
			}
			continue
		case '"':
			i = skipString(b, i)
		case 't':
			i = skipWord(b, i, "true")
		case 'f':
			i = skipWord(b, i, "false")
		case 'n':
			i = skipWord(b, i, "null")
		default:
			n := numberLen(b[i:])
			if n == 0 {
				return false
			}
			i += n
		}
		if i < 0 {
			return false
		}
		var more bool
		for !more {
			i = skipSpace(b, i)
			if len(open) == 0 || i == len(b) {
				return len(open) == 0 && i == len(b)
			}
			last := open[len(open)-1]
			switch b[i] {
			case last + 2: // '{' and '}', '[' and ']' are two apart
				open = open[:len(open)-1]
				i++
			case ',':
				i++
				if last == '{' {
					if i = skipName(b, i); i < 0 {
						return false
					}
				}
				more = true
			default:
				return false
			}
		}
	}
}

// skipSpace returns the index of the next token, or len(b).
func skipSpace(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case ' ':
		case '\n', '\r', '\t':
			b[i] = ' '
		default:
			return i
		}
	}
	return i
}

// skipName returns the index after a member's name and colon, -1 if there is none.
func skipName(b []byte, i int) int {
	i = skipSpace(b, i)
	if i == len(b) || b[i] != '"' {
		return -1
	}
	if i = skipString(b, i); i < 0 {
		return -1
	}
	i = skipSpace(b, i)
	if i == len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

// skipString returns the index after the string whose quote is at i, -1 if it
// is not one.
func skipString(b []byte, i int) int {
	i++
	for {
		i += quote.Plain(b[i:])
		if i == len(b) || b[i] < ' ' {
			return -1
		}
		if b[i] == '"' {
			return i + 1
		}
		if i+1 == len(b) {
			return -1
		}
		switch b[i+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i += 2
		case 'u':
			if len(b) < i+6 || !isHex(b[i+2:i+6]) {
				return -1
			}
			i += 6
		default:
			return -1
		}
	}
}

// skipWord returns the index after word, -1 if it is not at i.
func skipWord(b []byte, i int, word string) int {
	if !bytes.HasPrefix(b[i:], []byte(word)) {
		return -1
	}
	return i + len(word)
}

func isHex(s []byte) bool {
	for _, b := range s {
		if b-'0' > 9 && (b|0x20)-'a' > 5 {
			return false
		}
	}
	return true
}
