package binlog

import (
	"bytes"
	"encoding/hex"
	"strconv"
)

const maxXIDPart = 64

// ParseXAPrepare reads an XA_PREPARE_LOG_EVENT (MySQL: "XA_prepare_event"): the
// end of an XA transaction's rows. onePhase says that it is its commit too. xid
// is written as in the text of queries, X'6762',X”,1, so that equal ones are
// equal strings. The body has no checksum.
func ParseXAPrepare(body []byte) (onePhase bool, xid string, err error) {
	c := cursor{b: body}
	onePhase = c.uint8("one phase") != 0
	format := c.uint32("XID")
	global, branch := uint64(c.uint32("XID")), uint64(c.uint32("XID"))
	if c.bad == "" {
		xid = c.xid(format, global, branch)
	}
	if err := c.err(XAPrepare); err != nil {
		return false, "", err
	}
	return onePhase, xid, nil
}

// xid reads the two parts of an XID and writes it as text.
func (c *cursor) xid(format uint32, global, branch uint64) string {
	if global > maxXIDPart || branch > maxXIDPart {
		c.fail("XID")
		return ""
	}
	g, b := c.take(global, "XID"), c.take(branch, "XID")
	if c.bad != "" {
		return ""
	}
	return xidText(g, b, format)
}

func xidText(global, branch []byte, format uint32) string {
	text := make([]byte, 0, 2*(2*maxXIDPart+4)+10)
	text = hex.AppendEncode(append(text, "X'"...), global)
	text = hex.AppendEncode(append(text, "',X'"...), branch)
	text = append(text, "',"...)
	return string(strconv.AppendUint(text, uint64(format), 10))
}

// Verbs of XA statements.
var xaVerbs = []string{"START", "END", "COMMIT", "ROLLBACK", "PREPARE"}

// XIDOfQuery reads the text of a Query event that is an XA statement as servers
// write it into their log: XA COMMIT X'67',X'62',1. The verb is START, END,
// COMMIT, ROLLBACK or PREPARE. ok is false for any other text; one that begins
// with "XA " and is not read is of no known server.
func XIDOfQuery(text []byte) (verb, xid string, onePhase, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte("XA "))
	if !ok {
		return "", "", false, false
	}
	word, rest, _ := bytes.Cut(rest, []byte(" "))
	for _, v := range xaVerbs {
		if string(word) == v {
			verb = v
		}
	}
	rest, onePhase = bytes.CutSuffix(rest, []byte(" ONE PHASE"))
	global, rest, ok1 := hexLiteral(rest)
	rest, comma1 := bytes.CutPrefix(rest, []byte(","))
	branch, rest, ok2 := hexLiteral(rest)
	rest, comma2 := bytes.CutPrefix(rest, []byte(","))
	format, err := strconv.ParseUint(string(rest), 10, 64)
	if verb == "" || !ok1 || !comma1 || !ok2 || !comma2 || err != nil {
		return "", "", false, false
	}
	// The text has the number whole, the events only 32 bits of it.
	return verb, xidText(global, branch, uint32(format)), onePhase, true
}

// hexLiteral reads X'6762' at the start of b.
func hexLiteral(b []byte) (v, rest []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("X'"))
	digits, rest, closed := bytes.Cut(b, []byte("'"))
	if !ok || !closed || len(digits) > 2*maxXIDPart {
		return nil, nil, false
	}
	v, err := hex.AppendDecode(nil, digits)
	return v, rest, err == nil
}
