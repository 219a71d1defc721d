package snapshot

import (
	"slices"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
)

// hiding leaves out of the stream what a table without a key has been copied with
// (C5.5).
type hiding struct {
	checkpoint.HiddenTable
	shows func(*event.Txn) bool
}

// hide takes out of a unit what was copied already, and what will be: a table without
// a key that was never copied is handed on from its copy on, which shows what came
// before.
func (l *ledger) hide(u *event.Unit) {
	if len(l.hidden) == 0 && len(l.active) == 0 {
		return
	}
	u.Items = slices.DeleteFunc(u.Items, func(it event.Item) bool {
		if it.Op == event.End {
			return false
		}
		if c := l.route(it.Table); c != nil && c.extent.Whole && c.id == 0 {
			return true
		}
		return len(l.hidden) > 0 && slices.ContainsFunc(l.hidden, func(h *hiding) bool {
			return h.Table == it.Table.String() && h.shows(&u.Txns[it.Txn])
		})
	})
}

// unhide ends what the stream has passed.
func (l *ledger) unhide(passed func(event.Position) bool) {
	n := len(l.hidden)
	l.hidden = slices.DeleteFunc(l.hidden, func(h *hiding) bool { return passed(event.Position(h.End)) })
	l.dirty = l.dirty || len(l.hidden) < n
}
