package mysql

import (
	"math"
	"slices"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A place follows where in the log the events lie. Offsets have 64 bits; those
// in events have 32 and wrap, and MariaDB writes none inside of transactions
// (C2.2).
type place struct {
	file    string
	number  uint64 // of the file
	created uint32 // of the file, from its format event's header

	start, end uint64 // of the last event
	crc        uint32 // of it

	// floor is a place that a transaction can't begin before, but for the prepared
	// ones that come again: a server that is asked by GTID leaves out what is
	// known.
	floor uint64
	// pass is up to where events are only followed: a dump can't begin behind
	// 4 GiB.
	pass uint64

	resume  position
	waiting []prepared
}

// begin sets out from a position; waiting are the prepared transactions that
// come again before it.
func (p *place) begin(at position, waiting []prepared) {
	p.resume, p.waiting = at, waiting
	if !at.byGTID {
		p.pass = at.offset
	}
}

// commit returns the place as a ver has it, 0 if it is not known.
func (p *position) commit() uint64 {
	_, n, err := fileNumber(p.file)
	if err != nil {
		return 0
	}
	v, _ := event.BinlogPlace(n, p.offset)
	return v
}

// rotate goes to a file, as an artificial rotation says.
func (p *place) rotate(file string, offset uint64) error {
	_, n, err := fileNumber(file)
	if err != nil {
		return err
	}
	if _, ok := event.BinlogPlace(n, 0); !ok {
		return failure.Stop("give the server's log another name (log_bin), so that its files are numbered anew; "+anewHint,
			"binlog file %s has a number that is not supported", file)
	}
	p.file, p.number = file, n
	p.start, p.end = offset, offset
	p.floor = 0
	// Below 4 GiB nothing has wrapped; for a place by file everything is gone over.
	if p.resume.byGTID && file == p.resume.file && p.resume.offset > math.MaxUint32 {
		p.floor = p.resume.offset
	}
	if file != p.resume.file {
		p.pass = 0
	}
	return nil
}

// advance goes over an event that is in the file itself.
func (p *place) advance(h binlog.Header, crc uint32, begins bool) error {
	size := uint64(h.Size)
	least := p.end + size
	if begins && !p.again(h) {
		least = max(least, p.floor+size)
	}
	if h.NextPos != 0 {
		least += uint64(h.NextPos - uint32(least))
	}
	p.start, p.end, p.crc = least-size, least, crc
	if _, ok := event.BinlogPlace(p.number, p.end); !ok {
		return failure.Stop("run FLUSH BINARY LOGS at the server; "+anewHint, "binlog file %s is larger than 1 TiB, which is not supported", p.file)
	}
	return nil
}

// again reports whether a transaction that begins is a prepared one that comes
// once more, before the floor.
func (p *place) again(h binlog.Header) bool {
	start := h.NextPos - h.Size
	return slices.ContainsFunc(p.waiting, func(x prepared) bool {
		return !x.Empty && x.File == p.file && x.Offset >= p.end && uint32(x.Offset) == start
	})
}

// passing reports whether the last event lies before the place that was asked
// for.
func (p *place) passing() bool { return p.start < p.pass }

// now returns the end of the last event as a ver has it.
func (p *place) now() uint64 {
	v, _ := event.BinlogPlace(p.number, p.end)
	return v
}

// commit returns the start of the last event as a ver has it.
func (p *place) commit() uint64 {
	v, _ := event.BinlogPlace(p.number, p.start)
	return v
}

// mark returns what tells this log from another one of the same name (C4.4).
func (p *place) mark() mark { return mark{created: p.created, start: p.start, crc: p.crc} }

// artificial reports whether an event is the connection's and not the file's:
// then it has no place.
func artificial(h binlog.Header) bool {
	switch h.Type {
	case binlog.Heartbeat, binlog.HeartbeatV2:
		return true
	case binlog.FormatDescription, binlog.Rotate:
		return h.NextPos == 0 || h.Flags&binlog.FlagArtificial != 0
	}
	return h.Flags&binlog.FlagArtificial != 0
}
