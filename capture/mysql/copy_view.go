package mysql

import (
	"encoding/hex"
	"strings"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// Shows implements capture.Copier. The text of a view is that of a position without
// a mark: gtid:SET for one that shows at least these transactions, file:FILE:OFFSET
// for one that shows what is before a place and nothing behind it.
func (c *copier) Shows(view string) (func(*event.Txn) bool, error) {
	p, err := readPosition(view)
	if err != nil {
		return nil, failure.StopFrom(err, "report this as a bug", "%.200q is not a view of a snapshot", view)
	}
	if !p.byGTID {
		place := p.commit()
		return func(t *event.Txn) bool { return t.Commit < place }, nil
	}
	// Most transactions are followed by others of the same origin.
	var prefix string
	var source gtid.Source
	return func(t *event.Txn) bool {
		if t.GTID.IsZero() {
			return false // who can't be told is not said to be shown
		}
		if t.GTID.Prefix != prefix {
			uuid, tag, _ := strings.Cut(strings.TrimSuffix(t.GTID.Prefix, ":"), ":")
			id, ok := parseUUID(uuid)
			if !ok {
				return false // of a MariaDB, which has no such views
			}
			prefix, source = t.GTID.Prefix, gtid.Source{UUID: id, Tag: tag}
		}
		one := gtid.Set{}
		one.Add(source, t.GTID.Number)
		return p.set.Contains(&one)
	}, nil
}

// parseUUID reads 3e11fa47-71ca-11e1-9e33-c80aa9429562.
func parseUUID(text string) (id [16]byte, ok bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	return id, err == nil && len(b) == copy(id[:], b) && len(b) == len(id)
}

// viewText returns the text of a view.
func (p *position) viewText() string {
	v := *p
	v.mark, v.read = mark{}, 0
	if v.byGTID {
		v.file = ""
	}
	return string(v.text())
}

// atLeast reports whether a place by file is not before another one, as far as that
// was read (C4.2).
func (p *position) atLeast(q *position) bool {
	return q.file == "" || !before(p, q) && p.commit() >= max(q.commit(), q.read)
}
