package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// A Table is one of the tables of the workload, in the schema public of Postgres or in the database of the others.
type Table struct {
	Name    string
	Columns []string
	Key     []string // primary key in its own order; none for a keyless table
	Full    bool     // REPLICA IDENTITY FULL of Postgres: old rows are carried whole
}

// Marks is the table in which each transaction of MySQL and MariaDB begins with
// a row of its own, (writer, number): what the transaction is called follows the
// commit, and nobody tells the writer. Only a TRUNCATE, which is a transaction by
// itself, has none.
const Marks = "marks"

// Tables returns the tables of a kind of database. Marks, where it is one of
// them, comes first.
func Tables(kind Kind) []Table {
	var all []Table
	for _, t := range tables(kind) {
		all = append(all, t.Table)
	}
	return all
}

// A table is a Table and how its rows are made.
type table struct {
	Table
	columns []column
	find    []int // the columns by which an UPDATE or DELETE finds a row
	emptied bool  // TRUNCATE now and then; it has one writer
	twins   bool  // rows may be there twice
}

type column struct {
	name, ddl string
	// make makes a value; nil where it comes from the row's number or writer.
	make   maker
	serial func(number, writer int, r *rand.Rand) value
	key    bool
	big    bool // Postgres: stored outside the row when it is long; MySQL: BLOB or TEXT
}

// toasted is the length from which on the server keeps a value of a big column
// outside the row, and leaves it out of an update that did not change it. No
// value is near it.
const toasted = 2100

func number(n, _ int, _ *rand.Rand) value { return plain(strconv.Itoa(n)) }

func writerOf(_, w int, _ *rand.Rand) value { return plain(strconv.Itoa(w)) }

func tables(kind Kind) []*table {
	all := postgresTables()
	if kind != Postgres {
		all = mysqlTables(kind)
	}
	for _, t := range all {
		for i, c := range t.columns {
			t.Columns = append(t.Columns, c.name)
			if c.key || t.Key == nil && c.name == "number" {
				t.find = append(t.find, i)
			}
		}
	}
	return all
}

// Setup makes the tables, which must not exist, in the database behind url.
func Setup(ctx context.Context, url string) error {
	kind, _, err := KindOf(url)
	if err != nil {
		return err
	}
	s, err := kind.open(ctx, url)
	if err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	defer s.close()
	statements := postgresStatements
	if kind != Postgres {
		statements = func() []string { return mysqlStatements(kind) }
	}
	for _, sql := range statements() {
		s.queue(sql, nil)
		if err := s.flush(ctx); err != nil {
			return fmt.Errorf("make tables: %w", err)
		}
	}
	return nil
}
