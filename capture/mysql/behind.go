package mysql

import (
	"fmt"

	"github.com/tailrace/tailrace/event"
)

// behindMax is how long the text of a place may be in a sentence. What is cut
// could not be given to --from.
const behindMax = 1000

// behind says how to begin behind the transaction at hand: with --from and the
// place, where that is known before the transaction's end was read, else with the
// way to find it.
func (s *stream) behind() string {
	g := &s.group
	if s.at.byGTID && g.open && g.gtid.known {
		if text := s.withGTID(g.gtid); len(text) <= behindMax {
			return "--from " + string(text)
		}
		return fmt.Sprintf("--from and the checkpoint's gtid: place without what is behind its @, to which %s is added", g.txn.GTID.Append(nil))
	}
	if !g.open || !g.began {
		return fmt.Sprintf("--from file:%s:%d", appendFile(nil, s.place.file), s.place.end)
	}
	return fmt.Sprintf("--from file:%s: and the End_log_pos of the Xid, COMMIT or ROLLBACK that comes first in SHOW BINLOG EVENTS IN '%s' FROM %d",
		appendFile(nil, s.place.file), s.place.file, g.start)
}

// withGTID returns the place behind a transaction that has not been added yet.
func (s *stream) withGTID(g groupGTID) event.Position {
	at := s.at.clone()
	at.add(g, s.src.server.MariaDB)
	at.file = ""
	return at.text()
}
