package workload

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// What follows makes values of MySQL's and MariaDB's own types, or in their own
// spelling.

// timestamp makes a TIMESTAMP(6), which ends in 2038. The server reads it in the
// zone of the session.
func timestamp(r *rand.Rand) value {
	t := time.UnixMicro(1_000_000 + r.Int64N(2_100_000_000_000_000)).UTC()
	return value{
		text: t.Add(90 * time.Minute).Format("2006-01-02 15:04:05.000000"),
		json: t.Format(`"2006-01-02T15:04:05.000000Z"`),
	}
}

func localMicros(r *rand.Rand) value {
	t := moment(r)
	return value{text: t.Format("2006-01-02 15:04:05.000000"), json: t.Format(`"2006-01-02T15:04:05.000000"`)}
}

// unsigned makes a BIGINT UNSIGNED, half of them beyond a signed one.
func unsigned(r *rand.Rand) value { return plain(strconv.FormatUint(r.Uint64(), 10)) }

func tiny(r *rand.Rand) value { return plain(strconv.Itoa(r.IntN(2))) }

// bits makes a BIT(n).
func bits(n int) maker {
	return func(r *rand.Rand) value { return plain(strconv.Itoa(r.IntN(1 << n))) }
}

func binary(r *rand.Rand) value {
	b := make([]byte, r.IntN(40))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return value{literal: true, text: "x'" + hex.EncodeToString(b) + "'", json: `"` + base64.StdEncoding.EncodeToString(b) + `"`}
}

// label makes a value of an ENUM.
func label(labels []string) maker {
	return func(r *rand.Rand) value { return text(labels[r.IntN(len(labels))]) }
}

// labelled makes a value of a SET: its labels in their order.
func labelled(labels []string) maker {
	return func(r *rand.Rand) value {
		var list []string
		for _, l := range labels {
			if r.IntN(2) == 0 {
				list = append(list, l)
			}
		}
		return text(strings.Join(list, ","))
	}
}

// definition returns the DDL of an ENUM or a SET.
func definition(kind string, labels []string) string {
	var list []string
	for _, l := range labels {
		list = append(list, "'"+literalEscapes.Replace(l)+"'")
	}
	return kind + "(" + strings.Join(list, ",") + ")"
}

// western makes text that latin1 has.
func western(r *rand.Rand) value {
	vocabulary := []string{"café", "Größe", "€ 5", "“quoted”", "it's", "plain", "ÿ", ""}
	return text(vocabulary[r.IntN(len(vocabulary))] + vocabulary[r.IntN(len(vocabulary))])
}

// binaryDocument makes a JSON in the spelling of MySQL: keys by length, one
// space behind colons and commas, numbers with a point as doubles.
func binaryDocument(r *rand.Rand) value {
	s := fmt.Sprintf(`{"n": %d, "ok": %t, "tags": [%s, null], "price": %d.5}`,
		r.IntN(1000), r.IntN(2) == 0, quoted(words(r, 3)), r.IntN(100))
	return value{text: s, json: s}
}

// textDocument makes a JSON of MariaDB, which is text.
func textDocument(r *rand.Rand) value { return text(binaryDocument(r).text) }
