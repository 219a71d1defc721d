package walk

import (
	"context"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/stress/oracle"
	"github.com/tailrace/tailrace/internal/workload"
)

// Setup makes the tables in a clean database, with so many rows each.
func Setup(ctx context.Context, url string, rows int) error {
	kind, _, err := workload.KindOf(url)
	if err != nil {
		return err
	}
	s, err := open(ctx, kind, url)
	if err != nil {
		return err
	}
	defer s.close()
	for _, sql := range definitions(kind) {
		if _, err := s.exec(ctx, sql); err != nil {
			return fmt.Errorf("walk: make the tables: %w", err)
		}
	}
	for _, t := range tables(kind) {
		if err := fill(ctx, s, t, rows); err != nil {
			return fmt.Errorf("walk: fill %s: %w", t.Name, err)
		}
	}
	return nil
}

func definitions(kind workload.Kind) []string {
	all := []string{}
	if kind == workload.Postgres {
		all = append(
			all, "CREATE EXTENSION citext",
			"CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
		)
	}
	for i, t := range tables(kind) {
		var columns []string
		for _, name := range t.Columns {
			columns = append(columns, name+" "+t.typeOf(name, i))
		}
		if t.Key != nil {
			columns = append(columns, "PRIMARY KEY ("+strings.Join(t.Key, ", ")+")")
		}
		sql := fmt.Sprintf("CREATE TABLE %s (%s)", t.Name, strings.Join(columns, ", "))
		if kind != workload.Postgres {
			all = append(all, sql+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
		} else {
			all = append(all, sql)
		}
		switch {
		case t.form == keyless:
			all = append(all, fmt.Sprintf("CREATE INDEX %s_id ON %[1]s (id)", t.Name))
			if kind == workload.Postgres {
				all = append(all, "ALTER TABLE "+t.Name+" REPLICA IDENTITY FULL")
			}
		case t.form == wide && kind == workload.Postgres:
			all = append(all, "ALTER TABLE "+t.Name+" ALTER w SET STORAGE EXTERNAL")
		}
	}
	return all
}

// typeOf returns the type of a column of table number i.
func (t *table) typeOf(column string, i int) string {
	postgres := t.kind == workload.Postgres
	switch column {
	case oracle.Step:
		return "bigint NOT NULL"
	case oracle.Echo:
		return "varchar(30) NOT NULL"
	case oracle.Wide:
		return "text NOT NULL"
	case "region":
		return "int"
	case "code":
		return "varchar(60)"
	}
	switch {
	case t.form == uuid && postgres:
		return "uuid"
	case t.form == uuid:
		return "binary(16)"
	case t.form == text:
		return "varchar(60)"
	case t.form == folded && postgres && i%2 == 0:
		return "citext"
	case t.form == folded && postgres:
		return "text COLLATE folded"
	case t.form == folded && t.kind == workload.MySQL && i%2 == 0:
		return "varchar(60) COLLATE utf8mb4_0900_ai_ci"
	case t.form == folded:
		return "varchar(60) COLLATE utf8mb4_general_ci"
	}
	return "bigint NOT NULL"
}

// fill inserts the first rows, all with n 0.
func fill(ctx context.Context, s session, t *table, rows int) error {
	const at = 500
	for from := 0; from < rows; from += at {
		var values []string
		for id := from; id < min(from+at, rows); id++ {
			values = append(values, t.row(id, 0, 0))
		}
		if _, err := s.exec(ctx, "INSERT INTO "+t.Name+" VALUES "+strings.Join(values, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// Rows returns what a table holds, whose values are written as events do.
func Rows(ctx context.Context, url string, name string) ([][]string, error) {
	kind, _, err := workload.KindOf(url)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, kind, url)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, t := range tables(kind) {
		if t.Name != name {
			continue
		}
		list := strings.Join(t.Columns, ", ")
		if t.form == uuid && kind != workload.Postgres {
			list = "TO_BASE64(id), n, t"
		}
		return s.rows(ctx, "SELECT "+list+" FROM "+name)
	}
	return nil, fmt.Errorf("walk: there is no table %s", name)
}
