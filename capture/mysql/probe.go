package mysql

import (
	"context"
	"errors"
	"io"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// probe reads the log from a place on, on a connection of its own that takes
// nobody's place, and hands the events to each until it wants no more or the log
// ends. The first two are the connection's, an artificial ROTATE_EVENT and the
// file's format description. end is where the event ends in its file; that of a
// connection's is where the log is read from. What is larger than max comes as a
// spooled frame, with its checksum and without its body. The errors of each are returned as they are,
// others are classified.
func (r *dumper) probe(ctx context.Context, file string, offset uint64, each func(f frame, end uint64) (more bool, err error)) error {
	from := position{file: file, offset: offset}
	w, err := r.ask(ctx, from, 0)
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	var at place
	at.begin(from, nil)
	for {
		f, ok, err := w.next()
		if errors.Is(err, errEnd) {
			return nil
		}
		if err != nil {
			return err
		}
		if !ok {
			if err := w.fill(ctx); err != nil {
				return err
			}
			continue
		}
		if f.large && !f.spooled {
			w.spool(io.Discard) // the frame comes again with its checksum
			continue
		}
		own := artificial(f.header)
		if own && f.header.Type == binlog.Rotate {
			next, begin, err := binlog.ParseRotate(f.body)
			if err != nil {
				return damaged("%w", err)
			}
			if err := at.rotate(next, begin); err != nil {
				return err
			}
		}
		if !own {
			if err := at.advance(f.header, f.crc, false); err != nil {
				return err
			}
		}
		if !own && f.header.Type != binlog.FormatDescription && at.passing() {
			continue
		}
		if more, err := each(f, at.end); err != nil || !more {
			return err
		}
	}
}
