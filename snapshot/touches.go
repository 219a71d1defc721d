package snapshot

import (
	"encoding/binary"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/schema"
)

// touches are the keys that the stream's events have touched since the first of the
// open windows of a table began. Keys are whole, as text (C5.1).
type touches struct {
	keys   map[string]touch
	bytes  int
	latest uint64 // of all
}

// A touch is what events did to one key. Numbers are those of tracker.seq.
type touch struct {
	last     uint64 // the last of any kind
	complete uint64 // the last that brought the whole row, or its end
	parts    []partial
}

// A partial is an event that did not carry the whole row.
type partial struct {
	seq uint64
	txn event.Txn
}

// mostPartials is how many of a key are kept apart; of more the last one stands for
// those before, as if none were shown.
const mostPartials = 8

// touchCost is what a key takes beside its bytes.
const touchCost = 120

// note adds an event at key. txn is that of an event without the whole row, nil for
// one with it.
func (t *touches) note(key []byte, seq uint64, txn *event.Txn) {
	if t.keys == nil {
		t.keys = make(map[string]touch)
	}
	k, found := t.keys[string(key)]
	if !found {
		t.bytes += len(key) + touchCost
	}
	k.last, t.latest = seq, seq
	switch {
	case txn == nil:
		k.complete, k.parts = seq, nil
	case len(k.parts) == mostPartials:
		k.parts[mostPartials-1].seq = seq
		k.parts[mostPartials-1].txn = event.Txn{Snapshot: true} // shown by no view
	default:
		k.parts = append(k.parts, partial{seq, *txn})
		t.bytes += touchCost
	}
	t.keys[string(key)] = k
}

// sweep forgets what is older than all open windows; low is the oldest one's.
func (t *touches) sweep(low uint64) {
	t.bytes = 0
	for key, k := range t.keys {
		if k.last <= low {
			delete(t.keys, key)
			continue
		}
		t.bytes += len(key) + touchCost*(1+len(k.parts))
	}
}

// A verdict says what becomes of a row that was read.
type verdict uint8

const (
	keepRow   verdict = iota
	dropRow           // the reader has it, or its end, from the stream
	readAgain         // the stream has brought a part of it that the view did not show
)

// judge decides about a row of a view that was opened after the keys had been noted
// from low on.
func (t *touches) judge(key []byte, low uint64, shows func(*event.Txn) bool) verdict {
	k, found := t.keys[string(key)]
	switch {
	case !found || k.last <= low:
		return keepRow
	case k.complete > low:
		return dropRow
	}
	for i := range k.parts {
		p := &k.parts[i]
		if p.seq > low && (p.txn.Snapshot || !shows(&p.txn)) {
			return readAgain
		}
	}
	return keepRow
}

// appendIdentity appends the key of a row so that two rows have the same bytes if and
// only if they have the same key. ok is false if the row lacks a part of it.
func appendIdentity(dst []byte, t *schema.Table, row event.Row) (_ []byte, ok bool) {
	for _, i := range t.Key {
		if row[i].State != event.Present {
			return dst, false
		}
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		var err error
		if dst, err = t.Columns[i].Codec.AppendText(dst, row[i].Raw); err != nil {
			return dst, false
		}
		binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	}
	return dst, true
}
