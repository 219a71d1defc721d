package values_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/values"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestJSONIsWhatTheServerPrints(t *testing.T) {
	d := servers.MySQL(t, local.MySQL97)
	statements := []string{"CREATE TABLE documents (id int AUTO_INCREMENT PRIMARY KEY, v json)"}
	insert := func(expression string) {
		statements = append(statements, "INSERT INTO documents (v) VALUES ("+expression+")")
	}
	for _, text := range jsonTexts(rand.New(rand.NewPCG(1, 2))) {
		insert(fmt.Sprintf("CONVERT(x'%x' USING utf8mb4)", text))
	}
	for _, expression := range []string{
		"JSON_ARRAY(12.50, -0.5, 0.00, CAST(0 AS decimal(65,30)), -12345678901234567890123456789012345.12345678901234567890)",
		"JSON_ARRAY(date'2026-11-21', time'10:00:00', time'-838:59:59', CAST('-00:00:00.000001' AS time(6)), timestamp'2026-11-21 10:00:00.123456', timestamp'9999-12-31 23:59:59.999999')",
		"JSON_ARRAY(x'', x'00', x'00ff10', CAST(REPEAT('x', 56) AS binary), CAST(REPEAT('x', 57) AS binary), CAST(REPEAT('x', 58) AS binary), CAST(REPEAT('x', 114) AS binary), CAST(REPEAT('x', 1000) AS binary))",
		"JSON_ARRAY(b'101', CAST(2026 AS year), true, false, null, CAST(1 AS signed), CAST(1 AS unsigned), CAST(0.1 AS float), CAST(0.1 AS double))",
		"JSON_OBJECT('point', ST_GeomFromText('POINT(1.5 -2)'))",
		"JSON_OBJECT('big', REPEAT('x', 70000), 'n', 70000, 'm', -70000, 'k', 1, 'inner', JSON_ARRAY(REPEAT('y', 66000), 100000, -100000))",
		"CAST(CAST(REPEAT('z', 200) AS binary) AS json)",
		"CAST(timestamp'2026-11-21 10:00:00' AS json)",
		"CAST(CAST(-1.10 AS decimal(5,2)) AS json)",
		"JSON_SET('{\"a\": 1, \"b\": [1, 2, 3]}', '$.b[1]', 'x', '$.c', CAST('null' AS json))",
	} {
		insert(expression)
	}
	statements = append(statements,
		"CREATE TABLE typed (e enum('a','b'), s set('a','b'), y year, b bit(12), d date, dt datetime(3), ts timestamp(6) NULL, t time(2), f float, de decimal(10,3), bl blob, te text CHARACTER SET latin1)",
		"INSERT INTO typed VALUES ('b', 'a,b', 2026, 5, '2026-11-21', '2026-11-21 10:00:00.123', '2026-11-21 10:00:00.123456', '-10:00:00.25', 0.1, 1.5, x'00ff', 'ä')",
		"INSERT INTO documents (v) SELECT JSON_ARRAY(e, s, y, b, d, dt, ts, t, f, de, bl, te) FROM typed")

	var got []string
	for _, row := range images(t, d, statements...) {
		if row.table == "documents" {
			got = append(got, row.form(t, 1, values.Options{}))
		}
	}
	want := d.Rows(t, "SELECT CAST(v AS CHAR) FROM documents ORDER BY id")
	if len(got) != len(want) {
		t.Fatalf("got %d documents, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i][0] {
			t.Errorf("document %d differs at %s", i+1, difference(got[i], want[i][0]))
		}
		if !json.Valid([]byte(got[i])) {
			t.Errorf("document %d is not JSON", i+1)
		}
	}
}

// jsonTexts returns documents as texts that a server takes.
func jsonTexts(r *rand.Rand) []string {
	texts := []string{
		"null", "true", "false", "0", "-1", `""`, "{}", "[]", `{"": ""}`, `[[], {}, [[]], {"a": {}}]`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
		strings.Repeat(`{"a":`, 99) + "1" + strings.Repeat("}", 99),
		"[32767, 32768, -32768, -32769, 65535, 65536, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296, 9223372036854775807, 9223372036854775808, -9223372036854775808, -9223372036854775809, 18446744073709551615, 18446744073709551616]",
		`["a\"b\\c\/d\b\f\n\r\t\u0000\u0001\u001f\u007f\u0080\u00e9\u2028\ud83d\ude00", "é😀"]`,
		`{"b": 1, "a": 2, "aa": 3, "B": 4, "é": 5, "\"": 6, "\n": 7, "a": 8}`,
	}
	edges := []float64{
		0, math.Copysign(0, -1), 5e-324, math.SmallestNonzeroFloat64 * 3, math.MaxFloat64, -math.MaxFloat64, 2.2250738585072014e-308, 2.225073858507201e-308,
		0.1 + 0.2, 1.0 / 3, 123456789012345.6, 1234567890123456.7, 9007199254740993, 1<<63 - 1, math.Pi, 4.35, 0.000001, 9.5e-7,
	}
	for e := -30; e < 30; e++ {
		for _, m := range []string{"1", "1.5", "9.9999999999999999", "-1.2345678901234567"} {
			f, err := strconv.ParseFloat(m+"e"+strconv.Itoa(e), 64)
			if err != nil {
				panic(err)
			}
			edges = append(edges, f, math.Nextafter(f, 0))
		}
	}
	for range 40 {
		var numbers []string
		for range 100 {
			f := math.Float64frombits(r.Uint64())
			switch {
			case len(edges) > 0:
				f, edges = edges[0], edges[1:]
			case math.IsNaN(f) || math.IsInf(f, 0):
				f = r.NormFloat64()
			case r.IntN(2) == 0:
				f = r.NormFloat64() * math.Pow(10, float64(r.IntN(40)-20))
			}
			numbers = append(numbers, strconv.FormatFloat(f, 'e', 16, 64))
		}
		texts = append(texts, "["+strings.Join(numbers, ",")+"]")
	}
	for range 200 {
		var b strings.Builder
		randomJSON(&b, r, 0)
		texts = append(texts, b.String())
	}
	return texts
}

func randomJSON(b *strings.Builder, r *rand.Rand, depth int) {
	kind := r.IntN(9)
	if depth > 6 {
		kind %= 7
	}
	switch kind {
	case 0:
		b.WriteString([]string{"null", "true", "false"}[r.IntN(3)])
	case 1, 2:
		fmt.Fprint(b, r.Int64()>>r.IntN(64))
	case 3:
		fmt.Fprint(b, r.Uint64()>>r.IntN(64))
	case 4:
		b.WriteString(strconv.FormatFloat(r.NormFloat64(), 'e', 16, 64))
	case 5, 6:
		b.WriteString(randomString(r))
	case 7:
		b.WriteByte('[')
		for i := range r.IntN(8) {
			if i > 0 {
				b.WriteByte(',')
			}
			randomJSON(b, r, depth+1)
		}
		b.WriteByte(']')
	case 8:
		b.WriteByte('{')
		for i := range r.IntN(8) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(randomString(r) + ":")
			randomJSON(b, r, depth+1)
		}
		b.WriteByte('}')
	}
}

// randomString returns a string in quotes; some are long enough for a length of
// two bytes.
func randomString(r *rand.Rand) string {
	runes := []rune("ab \"\\\n\x01\x1f\x7fé世😀")
	var s []rune
	for range r.IntN(1 + r.IntN(1+r.IntN(300))) {
		s = append(s, runes[r.IntN(len(runes))])
	}
	text, err := json.Marshal(string(s))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// difference shows where two texts part.
func difference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	begin := max(0, i-30)
	return fmt.Sprintf("byte %d: got %q, want %q", i, got[begin:min(len(got), i+30)], want[begin:min(len(want), i+30)])
}
