package verify

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tailrace/tailrace/internal/workload"
)

// transaction returns the truth about the transaction with the id that events
// and markers have, nil if there is none.
func (v *verifier) transaction(id string) *transaction {
	if v.cfg.Kind != workload.Postgres {
		return v.truth.named[id]
	}
	xid, _, _ := strings.Cut(id, ":")
	return v.truth.byID[xid]
}

// name learns from an event of MySQL which transaction its id names: from the
// transaction's row of marks, or, of a TRUNCATE, from there being no other that
// its writer can have made next.
func (e *events) name(c *change) error {
	t := e.v.truth
	switch {
	case e.v.cfg.Kind == workload.Postgres || t.named[c.Transaction.ID] != nil:
		return nil
	case e.table.Name == workload.Marks:
		var mark struct{ Writer, Number int }
		if err := json.Unmarshal(c.After, &mark); err != nil {
			return fmt.Errorf("it is no mark: %w", err)
		}
		return t.name(c.Transaction.ID, fmt.Sprintf("%d-%d", mark.Writer, mark.Number))
	case c.Op == "t":
		return t.name(c.Transaction.ID, e.truncation())
	}
	return nil
}

// truncation returns the next TRUNCATE of the truth that has no name, "" if
// there is none.
func (e *events) truncation() string {
	for _, list := range e.v.truth.writers {
		for _, x := range list {
			if _, marked := x.Counts[workload.Marks]; x.name == "" && !marked && x.Counts[e.table.Name] > 0 {
				return x.ID
			}
		}
	}
	return ""
}

// name says what the transaction with this ID is called in events.
func (t *truth) name(name, id string) error {
	x := t.byID[id]
	if x == nil {
		return fmt.Errorf("transaction %s (%s) was not committed by the workload", id, name)
	}
	if x.name != "" {
		return fmt.Errorf("transaction %s is called both %s and %s", id, x.name, name)
	}
	x.name, t.named[name] = name, x
	return nil
}
