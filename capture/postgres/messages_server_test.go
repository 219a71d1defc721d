package postgres_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/servers"
)

// TestMessagesOfServersAreRead holds whole, real messages against pglogrepl, and
// with -update keeps them as the seeds of the fuzz targets.
func TestMessagesOfServersAreRead(t *testing.T) {
	eachServer(t, func(t *testing.T, version int) {
		messages := recordMessages(t, version)
		relations := map[uint32]int{} // to the shape of the table
		kinds := map[byte]bool{}
		for i, m := range messages {
			kinds[m[0]] = true
			name := fmt.Sprintf("postgres%d-%02d", version, i)
			if rowOps[pglogrepl.MessageType(m[0])] != 0 {
				if which, ok := relations[binary.BigEndian.Uint32(m[1:])]; ok {
					checkRow(t, shapes[which], m)
					if len(m) <= shortSeed {
						seed(t, "FuzzSplit", name, fmt.Sprintf("uint8(%d)", which), fmt.Sprintf("[]byte(%q)", m))
					}
				}
				continue
			}
			got, err := postgres.ParseMessage(m)
			want, _ := oracle(m, true)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%q is read as %+v, %v; pglogrepl reads %+v", m, got, err, want)
			}
			if r, ok := got.(*pglogrepl.RelationMessage); ok && strings.HasPrefix(r.RelationName, "shape") {
				relations[r.RelationID] = int(r.RelationName[len("shape")] - '0')
			}
			seed(t, "FuzzMessages", name, fmt.Sprintf("[]byte(%q)", m), fmt.Sprintf("uint16(%d)", len(m)/2))
		}
		for _, kind := range "BCRYIUDT" {
			if !kinds[byte(kind)] {
				t.Errorf("no message %q was recorded", kind)
			}
		}
		seed(t, "FuzzFrames", fmt.Sprintf("postgres%d", version), fmt.Sprintf("[]byte(%q)", copyData(messages)), `[]byte("\x00\x04\x20\xff")`)
	})
}

// recordMessages returns what a server writes into a stream, message by message.
func recordMessages(t *testing.T, version int) [][]byte {
	t.Helper()
	d := source{servers.Postgres(t, version), nil}
	d.Exec(t, "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE moody (id int PRIMARY KEY, m mood, n numeric(5,2))")
	for _, s := range shapes {
		d.Exec(t, s.sql)
	}
	d.Exec(t, "CREATE PUBLICATION p FOR TABLE moody, shape0, shape1, shape2, shape3, shape4")
	d.Exec(t, "CREATE PUBLICATION inserts FOR TABLE shape5 WITH (publish = 'insert')")
	d.Exec(t, "ALTER TABLE shape0 ALTER b SET STORAGE EXTERNAL; ALTER TABLE shape3 ALTER b SET STORAGE EXTERNAL")
	d.Exec(t, "SELECT pg_create_logical_replication_slot($1, 'pgoutput')", d.slot())
	d.Session(t).Exec(
		t,
		"INSERT INTO moody VALUES (1, 'sad', 1.5)", "TRUNCATE moody, shape0",
		"BEGIN",
		"INSERT INTO shape0 VALUES ('k', '"+wide+"')", "UPDATE shape0 SET a = a", "UPDATE shape0 SET a = 'l'", "DELETE FROM shape0",
		"INSERT INTO shape1 VALUES (NULL, 'k')", "UPDATE shape1 SET b = 'l', a = ''", "DELETE FROM shape1",
		"INSERT INTO shape2 VALUES ('x', 'y', 'z')", "UPDATE shape2 SET c = 'w'", "UPDATE shape2 SET b = NULL", "DELETE FROM shape2",
		"INSERT INTO shape3 VALUES ('k', '"+wide+"', NULL)", "UPDATE shape3 SET c = 'x'", "UPDATE shape3 SET a = 'l'", "DELETE FROM shape3",
		"INSERT INTO shape4 VALUES ('x', NULL), ('y', 'é')", "UPDATE shape4 SET b = 'z'", "DELETE FROM shape4",
		"INSERT INTO shape5 VALUES ('x')",
		"COMMIT",
	)
	var messages [][]byte
	rows := d.Rows(t, "SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'p,inserts')", d.slot())
	for _, row := range rows {
		m, err := hex.DecodeString(strings.TrimPrefix(row[0], `\x`))
		if err != nil {
			t.Fatalf("decode a message: %v", err)
		}
		messages = append(messages, m)
	}
	return messages
}

// checkRow splits a row message as the table's shape asks for.
func checkRow(t *testing.T, s shape, m []byte) {
	t.Helper()
	table := s.table(t)
	it := &event.Item{Op: rowOps[pglogrepl.MessageType(m[0])], Table: table, End: uint32(len(m) - 5), Event: 7, Row: 4}
	c := &event.Change{Op: it.Op, Table: table, Txn: &event.Txn{}, Ver: event.Ver{Row: it.Row}}
	var got []string
	err := postgres.NewSplitter().Split(&event.Unit{Raw: m[5:]}, it, c, func(c *event.Change) error {
		got = append(got, changeText(c))
		return nil
	})
	if err != nil {
		t.Fatalf("split %q: %v", m, err)
	}
	parsed, err := pglogrepl.Parse(m)
	if err != nil {
		t.Fatalf("pglogrepl reads %q: %v", m, err)
	}
	if want := expected(s, parsed); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q is split as\n%q, want\n%q", m, got, want)
	}
}

// copyData frames short messages as the server sends them.
func copyData(messages [][]byte) []byte {
	var stream []byte
	for i, m := range messages {
		const header = 1 + 8 + 8 + 8
		if len(m) > shortSeed {
			continue
		}
		stream = append(stream, 'd')
		stream = binary.BigEndian.AppendUint32(stream, uint32(4+header+len(m)))
		stream = append(stream, 'w')
		for range 3 {
			stream = binary.BigEndian.AppendUint64(stream, uint64(i))
		}
		stream = append(stream, m...)
	}
	return stream
}

// shortSeed is the longest message that becomes a seed: the fuzzer takes minutes
// to shorten what it makes of long ones.
const shortSeed = 128

// seed keeps the arguments of a fuzz target with -update.
func seed(t *testing.T, target, name string, args ...string) {
	t.Helper()
	if !*update {
		return
	}
	dir := filepath.Join("testdata", "fuzz", target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make the folder of the seeds: %v", err)
	}
	text := "go test fuzz v1\n" + strings.Join(args, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatalf("write a seed: %v", err)
	}
}
