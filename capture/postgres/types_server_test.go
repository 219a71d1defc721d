package postgres_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/servers"
)

var update = flag.Bool("update", false, "write testdata/server_texts.json anew")

// serverVersions are the oldest and the newest that are read. The tests of the whole
// program run on one between them too.
var serverVersions = []int{13, 18}

// session is what the stream sets on its own connection.
const session = `SET DateStyle = ISO; SET IntervalStyle = iso_8601; SET TimeZone = 'UTC';
	SET extra_float_digits = 3; SET bytea_output = hex; SET lc_monetary = 'C'; SET xmloption = content;`

// A serverText is one value as a server wrote it: a seed of the fuzz targets.
type serverText struct {
	Type   postgres.Type `json:"type"`
	Typmod int32         `json:"typmod"`
	Text   string        `json:"text"`
}

func TestDocumentedValuesAreWhatServersSend(t *testing.T) {
	setup, values := documentedValues(t)
	var seeds []serverText
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			conn := connect(t, version)
			run(t, conn, setup)
			types := catalogTypes(t, conn)
			find := func(oid uint32) (postgres.Type, bool) { typ, ok := types[oid]; return typ, ok }
			for _, v := range values {
				if v.since > version {
					continue
				}
				results, err := conn.Exec(t.Context(), fmt.Sprintf(`
					CREATE TEMPORARY TABLE value (v %s);
					INSERT INTO value VALUES (%s);
					SELECT v FROM value;
					SELECT atttypid, atttypmod, format_type(atttypid, atttypmod)
					FROM pg_attribute WHERE attrelid = 'value'::regclass AND attnum = 1;
					DROP TABLE value`, v.sqlType, v.literal)).ReadAll()
				if err != nil {
					t.Errorf("line %d: store %s as %s: %v", v.line, v.literal, v.sqlType, err)
					continue
				}
				raw, column := results[2].Rows[0][0], results[3].Rows[0]
				typ, typmod := types[parseOID(t, column[0])], parseTypmod(t, column[1])
				codec, _ := postgres.CodecFor(typ, typmod, find, postgres.Values{})
				got, err := codec.AppendJSON(nil, raw)
				if err != nil || string(got) != v.form {
					t.Errorf("line %d: %s %s has the form %s, %v; want %s", v.line, v.sqlType, v.literal, got, err, v.form)
				}
				if name := postgres.FormatType(typ, typmod, find); name != string(column[2]) {
					t.Errorf("line %d: FormatType of %s = %s, want %s", v.line, v.sqlType, name, column[2])
				}
				seeds = append(seeds, serverText{typ, typmod, string(raw)})
			}
		})
	}
	if *update && !t.Failed() {
		writeServerTexts(t, seeds)
	}
}

func TestLongestNumeric(t *testing.T) {
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			digits := strings.Repeat("9", 131072) + "." + strings.Repeat("1", 16383)
			results, err := connect(t, version).Exec(t.Context(), "SELECT '"+digits+"'::numeric").ReadAll()
			if err != nil {
				t.Fatalf("select the longest numeric: %v", err)
			}
			typ, _ := postgres.Builtin(1700)
			codec, _ := postgres.CodecFor(typ, -1, findUserType, postgres.Values{})
			got, err := codec.AppendJSON(nil, results[0].Rows[0][0])
			if err != nil || string(got) != `"`+digits+`"` {
				t.Errorf("AppendJSON = %d bytes, %v; want the %d digits in quotes", len(got), err, len(digits)-1)
			}
		})
	}
}

func TestBuiltinTypesAreThoseOfTheServers(t *testing.T) {
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			types := catalogTypes(t, connect(t, version))
			for _, want := range types {
				got, ok := postgres.Builtin(want.OID)
				if fixed := want.OID < 10000; ok != fixed || ok && got != want {
					t.Errorf("Builtin(%d) = %+v, %t; want %+v, %t", want.OID, got, ok, want, fixed)
				}
			}
			if version < slices.Max(serverVersions) {
				return
			}
			for _, typ := range postgres.Builtins() {
				if _, ok := types[typ.OID]; !ok {
					t.Errorf("the server has no type %d, which is %s in the table", typ.OID, typ.Name)
				}
			}
		})
	}
}

func TestTypeNamesAreThoseOfTheServers(t *testing.T) {
	declared := []string{
		"boolean", "bit", "bit(8)", "bit varying", "bit varying(8)", "char", "char(8)", "bpchar", "varchar", "varchar(8)",
		"text[]", "varchar(8)[]", "numeric", "numeric(12)", "numeric(12,2)[][]",
		"time", "time(3)", "timetz(0)", "timestamp(6)", "timestamptz[]", `"char"`, `"char"[]`, "json", "jsonb[]", "xml",
		"interval", "interval(3)", "interval year", "interval month", "interval day", "interval hour", "interval minute",
		"interval second", "interval second(2)", "interval year to month", "interval day to hour", "interval day to minute",
		"interval day to second", "interval day to second(0)", "interval hour to minute", "interval hour to second",
		"interval minute to second(4)", "interval(3)[]", "oidvector[]", "int2vector", "regclass", "name",
		`"order"`, `"Odd ""Name"`, `app.mood`, `app.mood[]`, `"App-2"."2nd"`, "plain_2",
	}
	for _, version := range serverVersions {
		t.Run(fmt.Sprintf("Postgres %d", version), func(t *testing.T) {
			conn := connect(t, version)
			run(t, conn, `CREATE SCHEMA app; CREATE SCHEMA "App-2";
				CREATE TYPE "order" AS ENUM (); CREATE TYPE "Odd ""Name" AS ENUM (); CREATE TYPE app.mood AS ENUM ();
				CREATE DOMAIN "App-2"."2nd" AS numeric(3,1); CREATE DOMAIN plain_2 AS text`)
			types := catalogTypes(t, conn)
			find := func(oid uint32) (postgres.Type, bool) { typ, ok := types[oid]; return typ, ok }
			declared := declared
			if version >= 15 {
				declared = append(slices.Clone(declared), "numeric(2,5)", "numeric(3,-2)")
			}
			columns := make([]string, len(declared))
			for i, typ := range declared {
				columns[i] = fmt.Sprintf("c%d %s", i, typ)
			}
			run(t, conn, "CREATE TABLE many ("+strings.Join(columns, ", ")+")")
			results, err := conn.Exec(t.Context(), `SELECT atttypid, atttypmod, format_type(atttypid, atttypmod)
				FROM pg_attribute WHERE attrelid = 'many'::regclass AND attnum > 0 ORDER BY attnum`).ReadAll()
			if err != nil {
				t.Fatalf("read the columns: %v", err)
			}
			for i, row := range results[0].Rows {
				typ := types[parseOID(t, row[0])]
				if got := postgres.FormatType(typ, parseTypmod(t, row[1]), find); got != string(row[2]) {
					t.Errorf("FormatType of %s = %s, want %s", declared[i], got, row[2])
				}
			}
		})
	}
}

// connect returns a connection to a new database with the settings of the
// stream.
func connect(t *testing.T, version int) *pgconn.PgConn {
	t.Helper()
	conn := servers.Postgres(t, version).Conn(t).PgConn()
	run(t, conn, session)
	return conn
}

func run(t *testing.T, conn *pgconn.PgConn, sql string) {
	t.Helper()
	if err := conn.Exec(context.Background(), sql).Close(); err != nil {
		t.Fatalf("run %s: %v", sql, err)
	}
}

func catalogTypes(t *testing.T, conn *pgconn.PgConn) map[uint32]postgres.Type {
	t.Helper()
	results, err := conn.Exec(t.Context(), `
		SELECT t.oid, nspname, typname, typtype,
			CASE WHEN typoutput = 'pg_catalog.array_out'::regproc AND typtype <> 'd' THEN typelem ELSE 0 END,
			typbasetype, typtypmod, typdelim
		FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = typnamespace`).ReadAll()
	if err != nil {
		t.Fatalf("read pg_type: %v", err)
	}
	types := make(map[uint32]postgres.Type)
	for _, row := range results[0].Rows {
		typ := postgres.Type{
			OID: parseOID(t, row[0]), Schema: string(row[1]), Name: string(row[2]), Kind: row[3][0],
			Elem: parseOID(t, row[4]), Base: parseOID(t, row[5]), Typmod: parseTypmod(t, row[6]), Delim: row[7][0],
		}
		types[typ.OID] = typ
	}
	return types
}

func parseOID(t *testing.T, text []byte) uint32 {
	t.Helper()
	oid, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil {
		t.Fatalf("parse an OID: %v", err)
	}
	return uint32(oid)
}

func parseTypmod(t *testing.T, text []byte) int32 {
	t.Helper()
	typmod, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		t.Fatalf("parse a type modifier: %v", err)
	}
	return int32(typmod)
}

func serverTextsPath() string { return filepath.Join("testdata", "server_texts.json") }

// writeServerTexts writes each text once, one per line.
func writeServerTexts(t *testing.T, seeds []serverText) {
	t.Helper()
	var lines []string
	for _, seed := range seeds {
		line, err := json.Marshal(seed)
		if err != nil {
			t.Fatalf("marshal a text: %v", err)
		}
		if !slices.Contains(lines, string(line)) {
			lines = append(lines, string(line))
		}
	}
	text := "[\n" + strings.Join(lines, ",\n") + "\n]\n"
	if err := os.WriteFile(serverTextsPath(), []byte(text), 0o644); err != nil {
		t.Fatalf("write the texts: %v", err)
	}
}
