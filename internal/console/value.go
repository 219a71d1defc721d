package console

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendValue appends a JSON value for people: text without quotes where it
// can't be mistaken, at most width characters of it.
func appendValue(dst []byte, value json.RawMessage, width int) []byte {
	var text string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil {
		return appendClean(dst, string(value), width) // number, true, null, embedded JSON
	}
	if isPlain(text) {
		return appendClean(dst, text, width)
	}
	dst = append(dst, '"')
	dst = appendClean(dst, text, width)
	return append(dst, '"')
}

// isPlain reports whether text needs no quotes: it has neither blanks nor what
// a line uses between values, and is no word of JSON.
func isPlain(text string) bool {
	switch text {
	case "", "null", "true", "false":
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-+._:@/%$", r)
	})
}

// appendClean appends text with everything that could act on a terminal
// written as an escape: control characters, also those of C1, marks that turn
// the direction of writing, and bytes that are no UTF-8.
func appendClean(dst []byte, text string, width int) []byte {
	const joiner = '\u200d' // of emoji, and harmless
	for n := 0; text != ""; n++ {
		if n == width {
			return append(dst, "…"...)
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\x`...)
			dst = strconv.AppendUint(dst, uint64(text[0]), 16)
		case unicode.IsPrint(r) || r == joiner:
			dst = append(dst, text[:size]...)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			dst = append(dst, quoted[1:len(quoted)-1]...)
		}
		text = text[size:]
	}
	return dst
}
