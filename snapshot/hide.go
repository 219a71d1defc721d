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
func (j *Join) hide(u *event.Unit) {
	if len(j.hidden) == 0 && len(j.active) == 0 {
		return
	}
	u.Items = slices.DeleteFunc(u.Items, func(it event.Item) bool {
		if it.Op == event.End {
			return false
		}
		if c := j.route(it.Table); c != nil && c.extent.Whole && c.id == 0 {
			return true
		}
		return len(j.hidden) > 0 && slices.ContainsFunc(j.hidden, func(h *hiding) bool {
			return h.Table == it.Table.String() && h.shows(&u.Txns[it.Txn])
		})
	})
}

// unhide ends what the stream has passed.
func (j *Join) unhide() {
	n := len(j.hidden)
	j.hidden = slices.DeleteFunc(j.hidden, func(h *hiding) bool {
		return j.reached(j.position, event.Position(h.End))
	})
	j.dirty = j.dirty || len(j.hidden) < n
}
