package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// An lsn is a byte address in the write-ahead log. What is confirmed or saved is
// taken from the server as it is; nothing is ever added to it.
type lsn uint64

const lsnTag = "lsn:"

// String returns the server's own notation, as in 0/16B3748.
func (l lsn) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// position returns l as the rest of the program sees it.
func (l lsn) position() event.Position { return event.Position(lsnTag + l.String()) }

// parseLSN reads the server's notation.
func parseLSN(s string) (lsn, error) {
	high, low, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(high, 16, 32)
	l, err2 := strconv.ParseUint(low, 16, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is not an LSN like 0/16B3748", s)
	}
	return lsn(h<<32 | l), nil
}

// parsePosition reads what position wrote, and refuses another source's.
func parsePosition(p event.Position) (lsn, error) {
	text, ok := strings.CutPrefix(string(p), lsnTag)
	if ok {
		if l, err := parseLSN(text); err == nil {
			return l, nil
		}
	}
	return 0, failure.Stop("a position of Postgres is written lsn:0/16B3748; also accepted: earliest, now, time:2026-11-21T10:00:00Z",
		"position %q is not one of a Postgres source", string(p))
}

// CheckTarget says whether text can be the end of a run: "", now, or a position
// of Postgres. The command calls it before anything is opened.
func CheckTarget(text string) error {
	if text == "" || text == event.Now {
		return nil
	}
	_, err := parsePosition(event.Position(text))
	return err
}
