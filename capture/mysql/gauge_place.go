package mysql

import (
	"context"
	"io"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// A foundPlace is where in the files a place of GTIDs alone goes on. The log only
// grows, so that it holds as long as the log is the same.
type foundPlace struct {
	position event.Position
	file     string
	offset   uint64
}

// inFiles returns at with the file and offset of the first transaction behind it,
// where it names none: at a start at now, a place that a person wrote, or one that
// was taken over from another server. A place that has everything stays without.
func (g *Gauge) inFiles(ctx context.Context, l *logState, at position) (position, error) {
	if at.file != "" || !at.byGTID || l.caughtUp(&at) {
		return at, nil
	}
	if text := at.text(); g.found.position != text {
		file, offset, err := g.firstBehind(ctx, at)
		if err != nil {
			return at, err
		}
		g.found = foundPlace{text, file, offset}
	}
	at.file, at.offset = g.found.file, g.found.offset
	return at, nil
}

// firstBehind asks for the log behind a place of GTIDs, as a replica of nobody, and
// returns where the first transaction lies that comes. The server goes over what is
// before it in the file, as it does for every replica that connects. An error of the
// class Retry says also that none came.
func (g *Gauge) firstBehind(ctx context.Context, at position) (file string, offset uint64, err error) {
	w, err := g.src.dumper().ask(ctx, at, 0)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = w.close() }()
	var here place
	here.begin(at, nil)
	for {
		f, ok, err := w.next()
		switch {
		case notThere(err):
			return "", 0, purgedMeanwhile("what follows the place")
		case err != nil:
			return "", 0, err
		case !ok:
			if err := w.fill(ctx); err != nil {
				return "", 0, err
			}
			continue
		case f.large && !f.spooled:
			w.spool(io.Discard) // the frame comes again
			continue
		case artificial(f.header) && f.header.Type == binlog.Rotate:
			next, begin, err := binlog.ParseRotate(f.body)
			if err != nil {
				return "", 0, damaged("%w", err)
			}
			if err := here.rotate(next, begin); err != nil {
				return "", 0, err
			}
			continue
		case artificial(f.header):
			continue
		}
		if err := here.advance(f.header, f.crc, false); err != nil {
			return "", 0, err
		}
		if beginsTransaction(f.header.Type) {
			return here.file, here.start, nil
		}
	}
}

// beginsTransaction reports whether an event is a GTID's.
func beginsTransaction(t binlog.EventType) bool {
	switch t {
	case binlog.GTID, binlog.AnonymousGTID, binlog.GTIDTagged, binlog.MariaGTID:
		return true
	}
	return false
}
