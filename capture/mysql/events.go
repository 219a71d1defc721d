package mysql

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

var (
	errBegins    = errors.New("a transaction begins inside another")
	errEnds      = errors.New("a transaction ends that did not begin")
	errSavepoint = errors.New("a transaction goes back to a savepoint that is not known in it")
	errOutside   = errors.New("a row stands outside of a transaction")
)

// bad is the error for an event that can't be understood.
func (s *stream) bad(err error) error {
	return failure.StopFrom(err, "report this as a bug, with the server's version", "the binlog can't be read at %s", s.place.text())
}

// undecoded is the error for an event that this program does not know how to
// read: nothing is guessed.
func (s *stream) undecoded(t binlog.EventType, hint string) error {
	return failure.Stop(hint, "%s at %s is an event that is not decoded", t, s.place.text())
}

// handle takes one event of the connection.
func (s *stream) handle(ctx context.Context, f frame, u *event.Unit) error {
	h := f.header
	if f.spooled {
		s.place.crc = f.crc
		return s.openSpooled()
	}
	if h.Type == binlog.FormatDescription {
		s.place.created = h.Timestamp
	}
	if artificial(h) {
		if h.Type == binlog.Heartbeat {
			s.hear(h, u)
		}
		if h.Type != binlog.Rotate {
			return nil
		}
		file, offset, err := binlog.ParseRotate(f.body)
		if err == nil {
			err = s.place.rotate(file, offset)
		}
		if err != nil {
			return s.bad(err)
		}
		return nil
	}
	begins := h.Type == binlog.GTID || h.Type == binlog.AnonymousGTID || h.Type == binlog.GTIDTagged || h.Type == binlog.MariaGTID
	if err := s.place.advance(h, f.crc, begins); err != nil {
		return err
	}
	if s.place.passing() {
		if f.large {
			s.wire.discard()
		}
		return s.place.straddles()
	}
	if f.large {
		return s.large(f)
	}
	switch h.Type {
	case binlog.GTID, binlog.AnonymousGTID, binlog.GTIDTagged:
		return s.beginMySQL(f, u)
	case binlog.MariaGTID:
		return s.beginMariaDB(f, u)
	case binlog.FormatDescription:
		if s.group.open {
			return s.rollback(u, groupGTID{}) // the server crashed before it ended, and went on in a new file
		}
		return nil
	case binlog.PreviousGTIDs, binlog.MariaGTIDList, binlog.BinlogCheckpoint:
		s.passHead(h, u)
		return nil
	case binlog.Incident:
		if s.group.open && s.group.skip {
			return s.commit(u) // it ends its group
		}
		if !s.group.open && s.precedes(int64(h.Timestamp)*1000, s.place.commit()) {
			return nil
		}
		return failure.Stop("copy the tables again, then start behind it with "+s.behind()+"; the server's error log says what happened",
			"the server lost events at %s (INCIDENT_EVENT)", s.place.text())
	case binlog.TransactionPayload:
		return s.openPayload(f.body)
	}
	return s.event(ctx, h, f.body, s.place.start-s.group.start, u)
}

// large decides about an event of which only the first bytes are there.
func (s *stream) large(f frame) error {
	if f.header.Type == binlog.TransactionPayload {
		return s.spoolPayload()
	}
	if err := s.leavesOut(f.header, f.body); err != nil {
		return err
	}
	s.wire.discard()
	return nil
}

// leavesOut says why an event that is too large to be read can't be left out, or
// nil. Of body there is at least the table's id.
func (s *stream) leavesOut(h binlog.Header, body []byte) error {
	_, isRows := h.Type.RowsOp()
	isRows = isRows || h.Type == binlog.PartialUpdateRows
	switch {
	case h.Type == binlog.RowsQuery, h.Type == binlog.AnnotateRows, h.Flags&binlog.FlagIgnorable != 0:
		return nil
	case !isRows || !s.group.open:
		return s.tooLarge(h, "")
	}
	id, err := binlog.TableID(&s.wire.format, body)
	if err != nil {
		return s.bad(err)
	}
	m, err := s.rowsOf(id)
	if err != nil {
		return s.bad(err)
	}
	if m != nil {
		return s.tooLarge(h, m.name)
	}
	return nil
}

// tooLarge is the error for an event that memory has no room for (C6.2).
func (s *stream) tooLarge(h binlog.Header, table string) error {
	what := h.Type.String()
	if table != "" {
		what = "a row event of " + table
	}
	return failure.Stop("raise --memory to at least eight times that, or exclude the table; if a single row is not that large, lower the server's binlog_row_event_max_size",
		"%s at %s has %d bytes, and at most %d are read at --memory's size", what, s.place.text(), h.Size, s.src.cfg.MaxRow)
}

// event takes one event of a transaction: of the connection, of a compressed
// payload, or of a prepared transaction that is committed now. offset is where
// it stands in its transaction.
func (s *stream) event(ctx context.Context, h binlog.Header, body []byte, offset uint64, u *event.Unit) error {
	if op, ok := h.Type.RowsOp(); ok {
		return s.rowsEvent(h, op, body, offset)
	}
	switch h.Type {
	case binlog.TableMapEvent:
		return s.tableMap(ctx, h, body, offset, u)
	case binlog.Query:
		q, err := binlog.ParseQuery(body)
		if err != nil {
			return s.bad(err)
		}
		return s.query(h, q, u)
	case binlog.QueryCompressed:
		q, err := binlog.ParseQueryCompressed(body, s.src.cfg.MaxRow)
		if err != nil {
			return s.bad(err)
		}
		return s.query(h, q, u)
	case binlog.XID:
		return s.commit(u)
	case binlog.XAPrepare:
		onePhase, xid, err := binlog.ParseXAPrepare(body)
		if err != nil {
			return s.bad(err)
		}
		return s.prepare(xid, onePhase, u)
	case binlog.PartialUpdateRows:
		id, err := binlog.TableID(&s.wire.format, body)
		if err != nil {
			return s.bad(err)
		}
		if m, err := s.rowsOf(id); err != nil {
			return s.bad(err)
		} else if m == nil {
			return nil
		}
		if s.group.preparing != nil {
			return s.keepRows(h, body, offset)
		}
		return s.undecoded(h.Type, "SET GLOBAL binlog_row_value_options = '', reconnect the application, copy the table again, and start behind it with "+s.behind())
	case binlog.ExecuteLoadQuery:
		q, err := binlog.ParseExecuteLoadQuery(body)
		if err != nil {
			return s.bad(err)
		}
		if touches, err := s.touches(q); err != nil {
			return s.bad(err)
		} else if !touches {
			return nil
		}
		return s.statement("LOAD DATA")
	case binlog.Stop, binlog.Rotate, binlog.IntVar, binlog.Rand, binlog.UserVar, binlog.Ignorable, binlog.RowsQuery,
		binlog.BeginLoadQuery, binlog.AppendBlock, binlog.DeleteFile, binlog.TransactionContext, binlog.ViewChange,
		binlog.AnnotateRows, binlog.StartEncryption:
		return nil // says nothing that a row event does not say, or belongs to a statement that is judged itself
	}
	if h.Flags&binlog.FlagIgnorable != 0 {
		return nil
	}
	return s.undecoded(h.Type, "exclude the table if it is one of row events, or report this with the server's version")
}

// text returns the start of the last event for people. --from takes it only where
// a transaction begins there.
func (p *place) text() string { return fmt.Sprintf("file:%s:%d", p.file, p.start) }

// straddles is the error for a start that is not between two events.
func (p *place) straddles() error {
	if p.end <= p.pass {
		return nil
	}
	return failure.Stop("start with a position that Tailrace or the server has said", "%s:%d lies inside of an event", p.file, p.pass)
}
