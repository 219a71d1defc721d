package event

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
)

// A Ver identifies a change within a pipeline and orders it as the log does.
// Its text is epoch/commit/event/row in lower-case hex of fixed width
// 8/16/16/8, so that it sorts as text (C2).
type Ver struct {
	Epoch  uint32 // rises when the log itself is another one: failover, new timeline
	Commit uint64 // place of the transaction. Postgres: Begin.final_lsn; MySQL: see BinlogPlace
	Event  uint64 // place of the change in it. Postgres: the change's LSN; MySQL: the event's offset in its transaction
	Row    uint32 // 2 x index among changes of one Event, + 1 for the c of a key change
}

// VerLen is the length of a Ver's text.
const VerLen = 8 + 1 + 16 + 1 + 16 + 1 + 8

// EndEvent is the Event of a transaction's END marker: it sorts behind every
// row of the transaction.
const EndEvent = math.MaxUint64

// IsZero reports whether v is the Ver of no change.
func (v Ver) IsZero() bool { return v == Ver{} }

// Compare returns -1, 0 or 1 as v is before, equal to or after w in the log.
func (v Ver) Compare(w Ver) int {
	return cmp.Or(
		cmp.Compare(v.Epoch, w.Epoch),
		cmp.Compare(v.Commit, w.Commit),
		cmp.Compare(v.Event, w.Event),
		cmp.Compare(v.Row, w.Row),
	)
}

// Append appends the text of v.
func (v Ver) Append(dst []byte) []byte {
	dst = AppendHex(dst, uint64(v.Epoch), 8)
	dst = append(dst, '/')
	dst = AppendHex(dst, v.Commit, 16)
	dst = append(dst, '/')
	dst = AppendHex(dst, v.Event, 16)
	dst = append(dst, '/')
	return AppendHex(dst, uint64(v.Row), 8)
}

// String returns the text of v.
func (v Ver) String() string { return string(v.Append(make([]byte, 0, VerLen))) }

// MarshalText returns the text of v, and nothing for the zero Ver.
func (v Ver) MarshalText() ([]byte, error) {
	if v.IsZero() {
		return nil, nil
	}
	return v.Append(nil), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *Ver) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Ver{}
		return nil
	}
	w, err := ParseVer(string(text))
	*v = w
	return err
}

// ParseVer reads the text of a Ver.
func ParseVer(s string) (Ver, error) {
	if len(s) != VerLen || s[8] != '/' || s[25] != '/' || s[42] != '/' {
		return Ver{}, fmt.Errorf("ver %q is not of the form epoch/commit/event/row in hex 8/16/16/8", s)
	}
	var n [4]uint64
	for i, part := range []string{s[:8], s[9:25], s[26:42], s[43:]} {
		if _, err := hex.DecodeString(part); err != nil {
			return Ver{}, fmt.Errorf("ver %q: %w", s, err)
		}
		n[i], _ = strconv.ParseUint(part, 16, 64)
	}
	return Ver{uint32(n[0]), n[1], n[2], uint32(n[3])}, nil
}

// AppendHex appends the lowest digits of v, 8 or 16 of them, in lower-case hex.
func AppendHex(dst []byte, v uint64, digits int) []byte {
	if digits == 16 {
		dst = binary.BigEndian.AppendUint64(dst, hexOf(uint32(v>>32)))
	}
	return binary.BigEndian.AppendUint64(dst, hexOf(uint32(v)))
}

// hexOf returns the eight digits of v, the first in the highest byte. A byte at a
// time they are a tenth of the time that an event takes.
func hexOf(v uint32) uint64 {
	const ones = 0x0101010101010101
	x := uint64(v) // each half of a byte gets a byte of its own
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 6*ones) >> 4 & ones // 1 where a digit is above 9
	return x + '0'*ones + letters*('a'-'9'-1)
}
