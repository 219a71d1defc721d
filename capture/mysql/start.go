package mysql

import (
	"context"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/capture/mysql/gtid"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// A start is the place that a person asked for; the zero start is now.
type start struct {
	earliest bool
	since    time.Time // of commits; zero if it is not a time
	position *position
}

func parseStart(from string) (start, error) {
	switch text, isTime := event.TimeOf(from); {
	case isTime:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return start{}, failure.Usage("write it as time:2026-11-21T10:00:00Z", "--from %s is not a time", from)
		}
		return start{since: t}, nil
	case from == event.Earliest:
		return start{earliest: true}, nil
	case from == event.Now, from == "":
		return start{}, nil
	}
	p, err := parsePosition(event.Position(from))
	return start{position: &p}, err
}

// startAt takes the place that a person asked for.
func (s *Source) startAt(ctx context.Context, st checkpoint.State, l *logState, from start) (checkpoint.State, error) {
	var at position
	var since int64
	var err error
	switch {
	case from.position != nil:
		at, err = s.startAtPlace(ctx, l, *from.position)
	case from.earliest:
		at, err = s.startAtFile(ctx, l, l.files[0].name)
	case !from.since.IsZero():
		t := from.since
		if s.server.MariaDB || versionNumber(s.server.Version) < 8_00_01 {
			t = t.Truncate(time.Second) // the log has commit times in seconds: rather too much than too little
		}
		since = t.UnixMilli()
		at, err = s.startAtTime(ctx, l, t)
	default:
		at, err = s.startNow(ctx, l)
	}
	if err != nil {
		return st, err
	}
	at.read = 0 // who names a place wants everything behind it
	m, err := loadMemory(st.Memory)
	if err != nil {
		return st, err
	}
	// What was prepared before the place does not come again, and what is
	// remembered of tables is of another place.
	m.Since, m.Prepared, m.Tables = since, nil, nil
	st.Position, st.Bound, st.Memory = at.text(), at.commit(), m.encode()
	return st, nil
}

// startNow returns the end of the log. A MySQL gives file and GTIDs that do not
// belong together: a transaction is in the file before it is in the set. So the
// place is the set alone, and that transaction follows it.
func (s *Source) startNow(ctx context.Context, l *logState) (position, error) {
	at := l.newest
	if !s.usesGTIDs() {
		at = at.withoutGTIDs()
	} else if !s.server.MariaDB {
		at.file, at.offset = "", 0
		return at, nil
	}
	h, err := s.readHead(ctx, at.file)
	at.mark = mark{created: h.created}
	return at, err
}

// startAtFile returns the start of a file.
func (s *Source) startAtFile(ctx context.Context, l *logState, file string) (position, error) {
	h, err := s.readHead(ctx, file)
	if err != nil {
		return position{}, err
	}
	at := position{file: file, offset: firstOffset, mark: mark{created: h.created}}
	if !s.usesGTIDs() {
		return at, nil
	}
	at.byGTID = true
	switch {
	case s.server.MariaDB:
		at.list, err = s.listAt(ctx, file, firstOffset)
	case file == l.files[0].name:
		at.set = l.oldest.set // the server gives nothing before
	default:
		at.set = h.previous
	}
	return at, err
}

// startAtTime returns the start of the newest file that was begun before a time:
// what was committed since then is in it or behind it. The file's time is in
// whole seconds.
func (s *Source) startAtTime(ctx context.Context, l *logState, t time.Time) (position, error) {
	var oldest uint32
	low, high := 0, len(l.files) // files before low were begun in time, those from high on were not
	for low < high {
		middle := (low + high) / 2
		h, err := s.readHead(ctx, l.files[middle].name)
		if err != nil {
			return position{}, err
		}
		if middle == 0 {
			oldest = h.created
		}
		if time.Unix(int64(h.created)+1, 0).After(t) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low > 0 {
		return s.startAtFile(ctx, l, l.files[low-1].name)
	}
	if _, n, err := fileNumber(l.files[0].name); err != nil || n > 1 {
		return position{}, lostFor("start with --from earliest", "the oldest binlog %s was begun at %s: what was committed from %s on is not all there",
			l.files[0].name, time.Unix(int64(oldest), 0).UTC().Format(time.RFC3339), t.UTC().Format(time.RFC3339))
	}
	return s.startAtFile(ctx, l, l.files[0].name) // there is no older one that was purged
}

// startAtPlace checks a place that a person gave.
func (s *Source) startAtPlace(ctx context.Context, l *logState, at position) (position, error) {
	if err := s.readable(&at); err != nil {
		return at, err
	}
	if !s.keeps(&at) {
		return at, s.refusedKind(&at)
	}
	if why := s.unavailable(l, &at); why != "" {
		return at, lostFor(l.check(at.byGTID), "%s", why)
	}
	if !l.has(at.file) {
		at.file, at.offset, at.mark = "", 0, mark{}
		return at, nil
	}
	if at.mark != (mark{}) || at.byGTID {
		same, err := s.sameLog(ctx, &at)
		if err == nil && !same {
			err = lostFor(l.check(at.byGTID), "the log at %s is not the one of that place", at.place())
		}
		return at, err
	}
	if s.usesGTIDs() {
		s.cfg.Log.Info("a start at a place of a file: positions will be of files, and another server can't take over", zap.String("file", at.file))
	}
	created, err := s.endsTransaction(ctx, &at)
	at.mark = mark{created: created}
	return at, err
}

// refusedKind is the error for a place that a person gave and keeps refuses.
func (s *Source) refusedKind(at *position) error {
	if at.byGTID {
		return failure.Stop("give a file: position, or set source.mysql.positions to auto", "--from gtid:%s is a place of GTIDs, and positions are to be of files", brief(at.gtids()))
	}
	return failure.Stop("give a gtid: position, or set source.mysql.positions to auto", "--from file:%s is a place of a file, and positions are to be of GTIDs", at.place())
}

// unavailable says why the log can't be read from a place that a person gave, ""
// if it can.
func (s *Source) unavailable(l *logState, at *position) string {
	if !at.byGTID {
		if missing := l.missingFile(at); missing != "" || l.has(at.file) {
			return missing
		}
		return "the server has purged " + at.file
	}
	if missing := l.missing(at); missing != "" {
		return "the server does not have the transactions " + missing
	}
	return s.purged(l, at)
}

// check is what a person can do about a place that is not in the log.
func (l *logState) check(byGTID bool) string {
	from, to := l.oldest.place(), l.newest.place()
	if byGTID {
		from, to = "its first transaction", "gtid:"+brief(l.newest.gtids())
		if text := l.oldest.gtids(); text != "" {
			from = "gtid:" + brief(text)
		}
	} else {
		from, to = "file:"+from, "file:"+to
	}
	return "check --from: the server has from " + from + " to " + to
}

// endsTransaction says whether a place that a person gave is between two
// transactions, and returns when its file was begun. The log behind any other
// place has rows whose beginning is missing.
func (s *Source) endsTransaction(ctx context.Context, at *position) (created uint32, err error) {
	between := true // at the end of the log nothing follows
	err = s.probe(ctx, at.file, at.offset, func(f frame, _ uint64) (more bool, err error) {
		if f.header.Type == binlog.FormatDescription {
			created = f.header.Timestamp
			return true, nil
		}
		if artificial(f.header) {
			return true, nil
		}
		switch f.header.Type {
		case binlog.GTID, binlog.AnonymousGTID, binlog.GTIDTagged, binlog.MariaGTID,
			binlog.PreviousGTIDs, binlog.MariaGTIDList, binlog.BinlogCheckpoint, binlog.Rotate, binlog.Stop:
		default:
			between = false
		}
		return false, nil
	})
	if notThere(err) || !between {
		return 0, failure.Stop("take End_log_pos of an Xid, or of a Query without BEGIN before it, from SHOW BINLOG EVENTS IN '"+at.file+"'",
			"%s is not the end of a transaction", at.place())
	}
	return created, err
}

// A head is what a binlog file says at its start.
type head struct {
	created  uint32    // timestamp in the header of its format description
	previous *gtid.Set // MySQL: what is in the files before it
}

func (s *Source) readHead(ctx context.Context, file string) (h head, err error) {
	err = s.probe(ctx, file, firstOffset, func(f frame, _ uint64) (more bool, err error) {
		switch f.header.Type {
		case binlog.FormatDescription:
			h.created = f.header.Timestamp
			return !s.server.MariaDB, nil
		case binlog.PreviousGTIDs:
			if h.previous, err = gtid.Decode(f.body); err != nil {
				err = failure.StopFrom(err, "report this as a bug, with the server's version", "the start of %s can't be read", file)
			}
			return false, err
		}
		return artificial(f.header), nil // it is in every file
	})
	if err == nil && !s.server.MariaDB && h.previous == nil {
		err = failure.Stop("report this as a bug, with the server's version", "binlog %s does not say which GTIDs precede it", file)
	}
	return h, err
}

// listAt asks a MariaDB for the GTIDs at a place.
func (s *Source) listAt(ctx context.Context, file string, offset uint64) (list gtid.List, err error) {
	var r record
	err = s.ask(ctx, "ask for the GTIDs at a place", func(c *client.Conn) error {
		r, err = first(queryRecords(c, "SELECT BINLOG_GTID_POS(?, CAST(? AS UNSIGNED)) AS list", file, offset))
		return err
	})
	if err != nil {
		return nil, err
	}
	text, ok := r["list"]
	if !ok {
		return nil, failure.Stop("try again; the file may just have been purged", "the server does not say which GTIDs precede %s", file)
	}
	if list, err = gtid.ParseList(text); err != nil {
		return nil, failure.StopFrom(err, "report this as a bug, with the server's version", "the server's GTIDs can't be read")
	}
	return list, nil
}
