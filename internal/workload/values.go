package workload

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A value is one column of one row, as the server reads it and as an event must
// show it.
type value struct {
	null    bool
	literal bool   // MySQL: text stands in SQL as it is
	text    string // for the server
	json    string // in the event
}

var null = value{null: true, json: "null"}

// plain is a value whose text is also its JSON: integers and finite floats.
func plain(text string) value { return value{literal: true, text: text, json: text} }

func text(s string) value { return value{text: s, json: quoted(s)} }

// quoted renders a string with the escapes that an event has. U+2028 and
// U+2029, which the standard library alone would escape, are never made here.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("workload: encode a string: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// A maker makes the values of one column. All that it makes follows from r.
type maker func(r *rand.Rand) value

func integer(limit int64) maker {
	return func(r *rand.Rand) value { return plain(strconv.FormatInt(r.Int64N(2*limit)-limit, 10)) }
}

func boolean(r *rand.Rand) value {
	if r.IntN(2) == 0 {
		return value{text: "f", json: "false"}
	}
	return value{text: "t", json: "true"}
}

// float makes numbers that are the same in single and double precision.
func float(r *rand.Rand) value {
	return plain(strconv.FormatFloat(float64(r.IntN(20001)-10000)/8, 'g', -1, 64))
}

// decimal makes a numeric(p, scale) with so many digits before the point.
func decimal(digits, scale int) maker {
	return func(r *rand.Rand) value {
		var b strings.Builder
		if r.IntN(4) == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(byte('1' + r.IntN(9)))
		for range r.IntN(digits) {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
		b.WriteByte('.')
		for range scale {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
		return text(b.String())
	}
}

func moment(r *rand.Rand) time.Time {
	return time.UnixMicro(r.Int64N(4_000_000_000_000_000)).UTC()
}

// instant makes a timestamptz. The server reads it with an offset and gives it
// back in UTC.
func instant(r *rand.Rand) value {
	t := moment(r)
	return value{
		text: t.In(time.FixedZone("", 5400)).Format("2006-01-02 15:04:05.000000-07:00"),
		json: t.Format(`"2006-01-02T15:04:05.000000Z"`),
	}
}

func localMillis(r *rand.Rand) value {
	t := moment(r)
	return value{text: t.Format("2006-01-02 15:04:05.000"), json: t.Format(`"2006-01-02T15:04:05.000"`)}
}

func clockMillis(r *rand.Rand) value { return text(moment(r).Format("15:04:05.000")) }

func date(r *rand.Rand) value { return text(moment(r).Format(time.DateOnly)) }

func uuid(r *rand.Rand) value {
	return text(fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>16, r.Uint32()>>16, r.Uint64()>>16))
}

func blob(r *rand.Rand) value {
	b := make([]byte, r.IntN(40))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return value{text: `\x` + hex.EncodeToString(b), json: `"` + base64.StdEncoding.EncodeToString(b) + `"`}
}

// document makes a jsonb in the server's own spelling: keys by length, one
// space behind colons and commas.
func document(r *rand.Rand) value {
	s := fmt.Sprintf(`{"n": %d, "ok": %t, "tags": [%s, null], "price": %d.50}`,
		r.IntN(1000), r.IntN(2) == 0, quoted(words(r, 3)), r.IntN(100))
	return value{text: s, json: s}
}

func numbers(r *rand.Rand) value {
	n := r.IntN(4)
	if n == 0 {
		return value{text: "{}", json: "[]"}
	}
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(r.IntN(2000) - 1000)
	}
	joined := strings.Join(list, ",")
	return value{text: "{" + joined + "}", json: "[" + joined + "]"}
}

// phrase makes short text with what is easily got wrong in it.
func phrase(r *rand.Rand) value { return text(words(r, 6)) }

func words(r *rand.Rand, most int) string {
	vocabulary := []string{
		"alpha", "Ünïcode", "日本語", "🚀", `back\slash`, `"quoted"`, "tab\there", "line\nbreak",
		"</script>&", "\x01", "null", "\\N", "{}", "",
	}
	list := make([]string, 1+r.IntN(most))
	for i := range list {
		list[i] = vocabulary[r.IntN(len(vocabulary))]
	}
	return strings.Join(list, " ")
}

// long makes text that is either short or far beyond what stays in its row.
func long(r *rand.Rand) value {
	if r.IntN(4) > 0 {
		return phrase(r)
	}
	b := make([]byte, 1500+r.IntN(2500))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return text(hex.EncodeToString(b))
}

// maybe makes a NULL now and then.
func maybe(m maker) maker {
	return func(r *rand.Rand) value {
		if r.IntN(8) == 0 {
			return null
		}
		return m(r)
	}
}
