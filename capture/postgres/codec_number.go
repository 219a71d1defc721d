package postgres

import (
	"bytes"
)

// boolean is true or false: Flink reads 1 and "t" as false.
type boolean struct{ sameText }

func (c boolean) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (boolean) AppendText(dst, raw []byte) ([]byte, error) {
	switch string(raw) {
	case "t":
		return append(dst, "true"...), nil
	case "f":
		return append(dst, "false"...), nil
	}
	return dst, malformed("boolean")
}

// integer is a JSON number with the server's digits.
type integer struct{ sameText }

func (c integer) AppendJSON(dst, raw []byte) ([]byte, error) { return c.AppendText(dst, raw) }

func (integer) AppendText(dst, raw []byte) ([]byte, error) {
	const longest = len("-9223372036854775808")
	magnitude := bytes.TrimPrefix(raw, []byte("-"))
	if n := leadingDigits(magnitude); n == 0 || n != len(magnitude) || len(raw) > longest || n > 1 && magnitude[0] == '0' {
		return dst, malformed("integer")
	}
	return append(dst, raw...), nil
}

// float is a JSON number with the server's digits, which read back as the same
// float, or one of three words that JSON has no number for.
type float struct{ sameText }

func (c float) AppendJSON(dst, raw []byte) ([]byte, error) {
	if notFinite(raw) {
		return appendQuoted(dst, raw, c.AppendText)
	}
	return c.AppendText(dst, raw)
}

func (float) AppendText(dst, raw []byte) ([]byte, error) {
	if n := numberLen(raw); n == 0 || n != len(raw) {
		if !notFinite(raw) {
			return dst, malformed("double precision")
		}
	}
	return append(dst, raw...), nil
}

// numeric is a string: readers take a JSON number for a float.
type numeric struct{ sameText }

func (c numeric) AppendJSON(dst, raw []byte) ([]byte, error) {
	return appendQuoted(dst, raw, c.AppendText)
}

func (numeric) AppendText(dst, raw []byte) ([]byte, error) {
	if !isDecimal(bytes.TrimPrefix(raw, []byte("-"))) && !notFinite(raw) {
		return dst, malformed("numeric")
	}
	return append(dst, raw...), nil
}

// money is a string of sign, digits and point: the currency sign and the commas
// of lc_monetary C are not part of the value.
type money struct{ sameText }

func (c money) AppendJSON(dst, raw []byte) ([]byte, error) {
	return appendQuoted(dst, raw, c.AppendText)
}

func (money) AppendText(dst, raw []byte) ([]byte, error) {
	amount, negative := bytes.CutPrefix(raw, []byte("-"))
	amount, ok := bytes.CutPrefix(amount, []byte("$"))
	start := len(dst)
	if negative {
		dst = append(dst, '-')
	}
	digits := len(dst)
	for _, b := range amount {
		if b != ',' {
			dst = append(dst, b)
		}
	}
	if !ok || !isDecimal(dst[digits:]) {
		return dst[:start], malformed("money")
	}
	return dst, nil
}

func notFinite(s []byte) bool {
	switch string(s) {
	case "NaN", "Infinity", "-Infinity":
		return true
	}
	return false
}

// isDecimal reports whether s is digits, with or without a point and more digits.
func isDecimal(s []byte) bool {
	n := leadingDigits(s)
	if n == 0 || n == len(s) {
		return n > 0
	}
	fraction := s[n+1:]
	return s[n] == '.' && len(fraction) > 0 && leadingDigits(fraction) == len(fraction)
}

// leadingDigits returns how many bytes at the start of s are digits.
func leadingDigits(s []byte) int {
	for i, b := range s {
		if b-'0' > 9 {
			return i
		}
	}
	return len(s)
}

// numberLen returns the length of the JSON number that s starts with, 0 if
// there is none.
func numberLen(s []byte) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := leadingDigits(s[i:])
	if whole == 0 || whole > 1 && s[i] == '0' {
		return 0
	}
	i += whole
	if i < len(s) && s[i] == '.' {
		n := leadingDigits(s[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		n := leadingDigits(s[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}
