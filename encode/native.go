package encode

import (
	"strconv"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// Native writes the native event of docs/events.md: one JSON object per
// change, compatible with the Debezium envelope.
type Native struct {
	head   string // the source block up to the value of ts_ms
	binlog bool   // the source block is that of MySQL and MariaDB
	plans  map[*schema.Table]*plan

	// What follows is rendered anew when a change has another table or
	// transaction than the one before it, and its end when it has another place:
	// many rows share one in a binlog.
	plan   *plan
	txn    event.Txn
	epoch  uint32
	pos    uint64
	event  uint64 // ver's
	source []byte // from the source block to the value of lsn, or of row
	origin int    // of source, what is before the value of lsn or pos
	tail   []byte // from behind that to the end, with room for the row part of ver
	commit int    // of tail, what is before the event part of ver
	halve  uint32 // the row of the source block is ver's divided by 2^halve
}

// rowLen is the length of the row part of ver.
const rowLen = 8

var _ Encoder = (*Native)(nil)

// plan is what is constant for a table version.
type plan struct {
	table   *schema.Table
	columns []column
	where   string // in the source block, from behind snapshot to the end of table
	end     string // from behind ver to the end of the event
}

// column is what a row needs of one.
type column struct {
	name  *quote.Fixed // `,"name":`
	codec schema.Codec
}

// withoutBefore is how an event without an old row begins, but for its op, which
// stands at opAt.
var withoutBefore = quote.NewFixed(`{"op":"c","before":null,"after":`)

const opAt = len(`{"op":"`)

// NewNative returns an encoder for one worker. Connector and name are those of
// the source block: "postgresql", "mysql" or "mariadb", and the pipeline's name.
func NewNative(connector, name string) *Native {
	return &Native{
		head:   `,"source":{"connector":` + text(connector) + `,"name":` + text(name) + `,"ts_ms":`,
		binlog: connector == "mysql" || connector == "mariadb",
		plans:  make(map[*schema.Table]*plan),
	}
}

func text(s string) string { return string(quote.AppendJSONString(nil, s)) }

// AppendKey appends the identity key as a JSON object in key order.
func (n *Native) AppendKey(dst []byte, c *event.Change) ([]byte, error) {
	row := c.After
	if row == nil {
		row = c.Before
	}
	if row == nil {
		return dst, nil
	}
	return n.planOf(c.Table).appendKey(dst, row, c)
}

// AppendValue appends the event.
func (n *Native) AppendValue(dst []byte, c *event.Change) ([]byte, error) {
	p := n.planOf(c.Table)
	var err error
	at := len(dst) + opAt
	if c.Before == nil {
		dst = withoutBefore.Append(dst)
	} else {
		dst = append(dst, `{"op":"c","before":`...)
		if dst, _, err = p.appendRow(dst, c.Before, c); err != nil {
			return dst, err
		}
		dst = append(dst, `,"after":`...)
	}
	dst[at] = byte(c.Op)
	dst, absent, err := p.appendRow(dst, c.After, c)
	if err != nil {
		return dst, err
	}
	if absent {
		dst = p.appendAbsent(dst, c.After)
	}
	if c.Moved != nil {
		if c.Op == event.Delete {
			dst = append(dst, `,"moved_to":`...)
		} else {
			dst = append(dst, `,"moved_from":`...)
		}
		if dst, err = p.appendKey(dst, c.Moved, c); err != nil {
			return dst, err
		}
	}
	n.prepare(p, c)
	dst = append(dst, n.source...)
	if n.binlog {
		dst = quote.AppendUint(dst, uint64(c.Ver.Row>>n.halve)) // C2.1
	}
	row := len(dst) + len(n.tail) - len(p.end) - rowLen
	dst = append(dst, n.tail...)
	event.AppendHex(dst[:row], uint64(c.Ver.Row), rowLen) // into the room for it
	return dst, nil
}

// prepare renders what is constant for the table, transaction and place of c. All
// rows of a chunk share these too.
func (n *Native) prepare(p *plan, c *event.Change) {
	sameTxn := n.txn == *c.Txn && n.epoch == c.Ver.Epoch && n.plan != nil && (n.pos == c.Pos || !n.txn.Snapshot)
	if sameTxn && n.plan == p && n.pos == c.Pos && n.event == c.Ver.Event {
		return
	}
	if !sameTxn {
		n.prepareTxn(c)
	}
	if !sameTxn || n.plan != p {
		b := append(n.source[:0], n.head...)
		b = strconv.AppendInt(b, c.Txn.Millis, 10)
		b = append(b, `,"snapshot":"`...)
		b = strconv.AppendBool(b, c.Txn.Snapshot) // a string, as Debezium has it
		b = append(b, '"')
		b = append(b, p.where...)
		n.source = n.appendOrigin(b, c.Txn)
		n.plan, n.origin = p, len(n.source)
	}
	n.source = strconv.AppendUint(n.source[:n.origin], c.Pos, 10)
	if n.binlog {
		n.source = append(n.source, `,"row":`...)
	}
	n.tail = append(event.AppendHex(n.tail[:n.commit], c.Ver.Event, 16), '/')
	n.tail = append(event.AppendHex(n.tail, 0, rowLen), p.end...)
	n.pos, n.event = c.Pos, c.Ver.Event
}

// prepareTxn renders what is constant for the transaction of c. Rows of a snapshot
// have none, and no commit but the place behind what was read.
func (n *Native) prepareTxn(c *event.Change) {
	commit := c.Txn.Commit
	n.halve = 1
	if c.Txn.Snapshot {
		commit, n.halve = c.Pos, 0
	}
	b := n.tail[:0]
	if !n.binlog {
		b = append(b, `,"commit_lsn":`...)
		b = strconv.AppendUint(b, commit, 10)
	}
	b = append(b, `},"transaction":`...)
	if c.Txn.Snapshot {
		b = append(b, "null"...)
	} else {
		b = append(b, `{"id":`...)
		b = append(AppendTxnID(b, c.Txn), '}')
	}
	b = append(b, `,"ts_ms":`...)
	b = strconv.AppendInt(b, c.Txn.Millis, 10)
	b = append(b, `,"ver":"`...)
	b = event.AppendHex(b, uint64(c.Ver.Epoch), 8)
	b = append(b, '/')
	b = event.AppendHex(b, c.Txn.Commit, 16)
	n.tail = append(b, '/')
	n.txn, n.epoch, n.commit = *c.Txn, c.Ver.Epoch, len(n.tail)
}

// appendOrigin appends the source block from behind the table to the value of
// the change's own place.
func (n *Native) appendOrigin(b []byte, t *event.Txn) []byte {
	if !n.binlog {
		b = append(b, `,"txId":`...)
		if t.Snapshot {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendUint(b, t.XID, 10)
		}
		return append(b, `,"lsn":`...)
	}
	b = append(b, `,"server_id":`...)
	b = strconv.AppendUint(b, uint64(t.Server), 10)
	b = append(b, `,"gtid":`...)
	if t.GTID.IsZero() {
		b = append(b, "null"...)
	} else {
		b = append(t.GTID.Append(append(b, '"')), '"')
	}
	b = append(b, `,"file":`...)
	b = quote.AppendJSONString(b, t.File)
	return append(b, `,"pos":`...)
}

// AppendTxnID appends the id of a transaction as events name it, a JSON string:
// its GTID, else the file and offset of its first event; of Postgres
// xid:commit_lsn. Rows of a snapshot have none.
func AppendTxnID(dst []byte, t *event.Txn) []byte {
	dst = append(dst, '"')
	switch {
	case !t.GTID.IsZero():
		dst = t.GTID.Append(dst)
	case t.File != "":
		dst = quote.AppendJSONContent(dst, []byte(t.File))
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, event.BinlogOffset(t.Commit), 10)
	default:
		dst = strconv.AppendUint(dst, t.XID, 10)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, t.Commit, 10)
	}
	return append(dst, '"')
}

func (n *Native) planOf(t *schema.Table) *plan {
	if n.plan != nil && n.plan.table == t {
		return n.plan
	}
	p := n.plans[t]
	if p == nil {
		p = newPlan(t)
		n.plans[t] = p
	}
	return p
}

func newPlan(t *schema.Table) *plan {
	p := &plan{
		table:   t,
		columns: make([]column, len(t.Columns)),
		where:   `,"db":` + text(t.Database),
		end:     `","table_version":"` + t.Version + `"}`,
	}
	if t.Schema != "" {
		p.where += `,"schema":` + text(t.Schema)
	}
	p.where += `,"table":` + text(t.Name)
	for i := range t.Columns {
		p.columns[i] = column{quote.NewFixed("," + text(t.Columns[i].Name) + ":"), t.Columns[i].Codec}
	}
	return p
}

// appendRow appends the columns that the log carried, null for no row. absent
// tells that it did not carry all of them.
func (p *plan) appendRow(dst []byte, row event.Row, c *event.Change) (_ []byte, absent bool, err error) {
	if row == nil {
		return append(dst, "null"...), false, nil
	}
	start := len(dst)
	for i := range row {
		v := &row[i]
		if v.State == event.Absent {
			absent = true
			continue
		}
		col := &p.columns[i]
		dst = col.name.Append(dst)
		if v.State == event.Null {
			dst = append(dst, "null"...)
			continue
		}
		if dst, err = col.codec.AppendJSON(dst, v.Raw); err != nil {
			return dst, absent, p.unreadable(err, i, c)
		}
	}
	return closeObject(dst, start), absent, nil
}

// closeObject makes an object of the columns that stand in dst from start on,
// each with a comma before it.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, "{}"...)
	}
	dst[start] = '{'
	return append(dst, '}')
}

func (p *plan) unreadable(err error, i int, c *event.Change) error {
	return failure.StopFrom(err, "exclude the table, or report this as a bug with the column's type",
		"column %q of table %s can't be read at ver %s", p.table.Columns[i].Name, p.table, c.Ver)
}

// appendKey appends the key columns of row in key order.
func (p *plan) appendKey(dst []byte, row event.Row, c *event.Change) ([]byte, error) {
	if len(p.table.Key) == 0 {
		return dst, nil
	}
	start := len(dst)
	for _, i := range p.table.Key {
		if row[i].State == event.Absent {
			return dst, failure.Stop("make the log carry whole rows (Postgres: REPLICA IDENTITY FULL; MySQL: binlog_row_image=FULL), or exclude the table",
				"key column %q of table %s was not carried by the log at ver %s", p.table.Columns[i].Name, p.table, c.Ver)
		}
		col := &p.columns[i]
		dst = col.name.Append(dst)
		if row[i].State == event.Null {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = col.codec.AppendJSON(dst, row[i].Raw); err != nil {
			return dst, p.unreadable(err, i, c)
		}
	}
	return closeObject(dst, start), nil
}

// appendAbsent names the columns of a new row that the log did not carry.
func (p *plan) appendAbsent(dst []byte, after event.Row) []byte {
	sep := `,"absent":[`
	for i := range after {
		if after[i].State == event.Absent {
			dst = append(dst, sep...)
			name := p.columns[i].name.String()
			dst = append(dst, name[len(","):len(name)-len(":")]...)
			sep = ","
		}
	}
	if sep == "," {
		dst = append(dst, ']')
	}
	return dst
}
