package snapshot

import "github.com/tailrace/tailrace/event"

// settling waits until views show all that was in the log before this life, and keeps
// what it has delivered since until a view has shown it (C5.2).
type settling struct {
	number  int // of the mark: what is asked about another one says nothing
	marked  bool
	mark    string
	settled bool
	waits   string   // who is waited for
	txns    []uint64 // delivered since the mark and shown by no view yet
}

// mostTxns is how many ids are kept while no view is opened: with more of them a new
// mark is taken, which covers all that were delivered before.
const mostTxns = 1 << 16

// deliver notes the transactions of a unit.
func (s *settling) deliver(txns []event.Txn) {
	for i := range txns {
		id := txns[i].XID
		if id == 0 || len(s.txns) > 0 && s.txns[len(s.txns)-1] == id {
			continue
		}
		s.txns = append(s.txns, id)
	}
	if len(s.txns) > mostTxns {
		s.reset()
	}
}

// reset has a new mark be taken.
func (s *settling) reset() { *s = settling{number: s.number + 1} }

// shown forgets what a view has shown: every later one does.
func (s *settling) shown(shows func(*event.Txn) bool) {
	left := s.txns[:0]
	for _, id := range s.txns {
		if !shows(&event.Txn{XID: id}) {
			left = append(left, id)
		}
	}
	s.txns = left
}
