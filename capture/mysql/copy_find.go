package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/internal/failure"
)

// find returns the table of a name as schema.Table prints it: either part may have
// a dot in it. views says that its engine has them.
func (c *copier) find(ctx context.Context, table string) (t tableName, views bool, err error) {
	var found bool
	err = c.src.ask(ctx, "ask for a table", func(conn *client.Conn) (err error) {
		found = false
		for i := range len(table) {
			if table[i] != '.' || found {
				continue
			}
			if t = (tableName{table[:i], table[i+1:]}); !c.src.captures(t.database, t.name) {
				continue
			}
			if found, views, err = queryEngine(conn, t); err != nil || found {
				return err
			}
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", capture.ErrNoTable, table)
	}
	return t, views, err
}

// queryEngine asks whether a table is there, and whether its engine has views.
func queryEngine(conn *client.Conn, t tableName) (found, views bool, err error) {
	r, err := first(queryRecords(conn, `SELECT engine AS e FROM information_schema.tables
WHERE table_schema = ? AND table_name = ? AND table_type = 'BASE TABLE'`, t.database, t.name))
	return r != nil, hasViews(r["e"]), err
}

// hasViews reports whether an engine has views.
func hasViews(engine string) bool {
	engine = strings.ToLower(engine)
	return engine == "innodb" || engine == "rocksdb"
}

// hurry has questions about all tables wait shortly for one that is being altered: a
// MariaDB opens each to answer, and all it leaves out it tells in warnings.
func hurry(conn *client.Conn, sv *server) error {
	if !sv.MariaDB {
		return nil
	}
	return execute(conn, fmt.Sprintf("SET SESSION lock_wait_timeout = %d, SESSION max_error_count = 65535", lockWait))
}

// queryCatalog returns what the catalog says of all tables. An answer that lacks a
// table because of a lock is none.
func queryCatalog(conn *client.Conn, sql string) ([]record, error) {
	records, err := queryRecords(conn, sql)
	if err != nil {
		return nil, err
	}
	warnings, err := queryRecords(conn, "SHOW WARNINGS")
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		if code := number(w["code"]); code == errLockWait || code == errSkipped {
			return nil, failure.Retry(errors.New("a table is locked for longer than the catalog waits"))
		}
	}
	return records, nil
}

// errSkipped says that the catalog leaves a table out (ER_WARN_I_S_SKIPPED_TABLE).
const errSkipped = 1684
