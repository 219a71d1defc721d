package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// normal returns a value in a form that is the same for an event's value and
// for what to_jsonb makes of the column, if and only if they are the same value.
// kind is that of the schema document.
func normal(kind string, value json.RawMessage) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber() // every digit counts
	if d.Decode(&v) != nil {
		return "no JSON"
	}
	switch kind {
	case "decimal", "int":
		return scalar(v)
	case "array":
		return marshal(leaves(v)) // numeric[] holds strings in an event
	}
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch {
	case kind == "float" && isNumber:
		// Both are the shortest digits that read back, one as jsonb shows them.
		f, err := number.Float64()
		if err != nil {
			return number.String()
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	case !isText:
		return marshal(v)
	case kind == "bytes":
		return binary(text)
	case kind == "timestamp":
		return moment("2006-01-02T15:04:05", text)
	case kind == "timestamptz":
		return moment(time.RFC3339, text)
	case kind == "time":
		return moment("15:04:05", text)
	}
	return marshal(v)
}

// binary reads base64, which has no backslash, or the hex form of bytea.
func binary(text string) string {
	if after, ok := strings.CutPrefix(text, `\x`); ok {
		return after
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return "no base64"
	}
	return hex.EncodeToString(b)
}

// moment drops the zeros behind a fraction and the way a zone is written. What
// has another form, as infinity, is compared as text.
func moment(layout, text string) string {
	t, err := time.Parse(layout, text) // takes a fraction that the layout lacks
	if err != nil {
		return text
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// scalar returns numbers and strings of the same text as the same.
func scalar(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return marshal(v)
}

// leaves makes the numbers in nested arrays strings.
func leaves(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = leaves(v[i])
		}
	case json.Number:
		return v.String()
	}
	return v
}

// marshal writes v with the keys of objects in order.
func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("replay: marshal what was unmarshalled: " + err.Error())
	}
	return string(text)
}
