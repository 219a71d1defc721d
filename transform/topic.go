package transform

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// DefaultTopic is the template that is used when none is given.
const DefaultTopic = "{name}.{schema}.{table}"

// maxTopic is the longest topic name in bytes that Kafka takes.
const maxTopic = 249

// A Topic is a template for topic names: text of A-Z a-z 0-9 . _ - with the
// placeholders {name}, {db}, {schema} and {table}. It is immutable and may be
// used from any goroutine.
//
// The value of a placeholder stands as it is where it consists of A-Z a-z 0-9
// _ and -. Every other byte of its UTF-8 form, a dot among them, is written as
// _xHH with two upper-case hexadecimal digits, and so is the underscore of a
// literal "_x" (as _x5Fx), so that an escape is always what it looks like. A
// dot in a name therefore comes from the template alone: while a dot stands
// between any two placeholders, two tables never share a topic. A name of more
// than 249 bytes is cut, and ends in "_xh" and the first 128 bits of the whole
// name's SHA-256 in lower-case hexadecimal; no escape begins with "_xh".
type Topic struct {
	template string
	parts    []part
}

// A part is literal text, or a placeholder if it has one.
type part struct {
	literal     string
	placeholder string
}

// ParseTopic reads a template. The error says what is expected and quotes
// nothing of the template; config calls it while it reads the configuration.
func ParseTopic(template string) (*Topic, error) {
	t := &Topic{template: template}
	for rest := template; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		if i := strings.IndexFunc(literal, func(r rune) bool { return r > 0x7f || !plain(byte(r)) && r != '.' }); i >= 0 {
			return nil, errors.New("a topic consists of A-Z a-z 0-9 . _ - and placeholders in braces")
		}
		if literal != "" {
			t.parts = append(t.parts, part{literal: literal})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		if !closed {
			return nil, errors.New("a placeholder lacks its closing brace")
		}
		if !slices.Contains([]string{"name", "db", "schema", "table"}, name) {
			return nil, errors.New("the placeholders are {name}, {db}, {schema} and {table}")
		}
		t.parts = append(t.parts, part{placeholder: name})
		rest = after
	}
	if !slices.Contains(t.parts, part{placeholder: "table"}) {
		return nil, errors.New("it must contain {table}")
	}
	return t, nil
}

// String returns the template.
func (t *Topic) String() string { return t.template }

// Name returns the topic of a table: at least 1 and at most 249 bytes, all of
// them legal in Kafka, as long as table is not empty. It is called once per
// table version.
func (t *Topic) Name(pipeline, db, schema, table string) string {
	var b []byte
	for _, p := range t.parts {
		switch p.placeholder {
		case "name":
			b = appendEscaped(b, pipeline)
		case "db":
			b = appendEscaped(b, db)
		case "schema":
			b = appendEscaped(b, schema)
		case "table":
			b = appendEscaped(b, table)
		default:
			b = append(b, p.literal...)
		}
	}
	if len(b) > maxTopic {
		b = cut(b)
	}
	return string(b)
}

func appendEscaped(b []byte, value string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(value) {
		c := value[i]
		if plain(c) && (c != '_' || !strings.HasPrefix(value[i+1:], "x")) {
			b = append(b, c)
		} else {
			b = append(b, '_', 'x', digits[c>>4], digits[c&15])
		}
	}
	return b
}

func cut(name []byte) []byte {
	sum := sha256.Sum256(name)
	tail := "_xh" + hex.EncodeToString(sum[:16])
	return append(name[:maxTopic-len(tail)], tail...)
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
