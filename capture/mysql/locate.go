package mysql

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// Locate implements capture.Source.
func (s *Source) Locate(ctx context.Context, st checkpoint.State, from string) (checkpoint.State, error) {
	asked, err := parseStart(from)
	if err != nil {
		return st, err
	}
	if err := s.identify(ctx); err != nil {
		return st, err
	}
	if err := s.alone(ctx); err != nil {
		return st, err
	}
	l, err := s.readLog(ctx)
	if err != nil {
		return st, err
	}
	if st.Position == "" {
		st.Source = s.source()
		return s.startAt(ctx, st, &l, asked)
	}
	if st.Source.Connector != s.connector() {
		return st, failure.Stop("name another checkpoint", "the checkpoint belongs to a source of the kind %q, and the server is of the kind %q",
			st.Source.Connector, s.connector())
	}
	at, err := parsePosition(st.Position)
	if err != nil {
		return st, err
	}
	if from != "" {
		if st.Source.System != s.server.UUID {
			return st, s.otherServer(st)
		}
		if before(&l.newest, &at) {
			st.Epoch++ // its places come again (C2.3)
		}
		return s.startAt(ctx, st, &l, asked)
	}
	return s.resume(ctx, st, &l, at)
}

// source returns the identity part of a checkpoint.
func (s *Source) source() checkpoint.Identity {
	return checkpoint.Identity{Connector: s.connector(), System: s.server.UUID}
}

func (s *Source) otherServer(st checkpoint.State) error {
	return failure.Stop("check the source URL; or name another checkpoint, and start with --from now after a new copy of the tables",
		"the checkpoint belongs to another server: that one is %q, this one is %q", st.Source.System, s.server.UUID)
}

// before reports whether the files of a place come before those of another one:
// the log was begun anew, or has another name.
func before(p, q *position) bool {
	if p.file == "" || q.file == "" {
		return false
	}
	base, n, err1 := fileNumber(p.file)
	base2, n2, err2 := fileNumber(q.file)
	return err1 != nil || err2 != nil || base != base2 || n < n2
}

// resume says whether the server still has everything behind the checkpoint's
// place, and is the one that the checkpoint belongs to.
func (s *Source) resume(ctx context.Context, st checkpoint.State, l *logState, at position) (checkpoint.State, error) {
	if err := s.readable(&at); err != nil {
		return st, err
	}
	other := st.Source.System != s.server.UUID
	if other && !at.byGTID {
		return st, s.otherServer(st)
	}
	if at.byGTID {
		if err := s.hasGTIDs(l, &at); err != nil {
			return st, err
		}
		if other {
			s.cfg.Log.Warn("the server is another one, and has everything of the checkpoint: going on there",
				zap.String("from", st.Source.System), zap.String("to", s.server.UUID))
		}
		if !other && before(&l.newest, &at) && !l.behind(&at) {
			// GTIDs that were given before are given again to other transactions.
			return st, errAnew(&at)
		}
		if other || before(&l.newest, &at) {
			return s.move(st, at)
		}
	}
	if !at.byGTID && s.usesGTIDs() {
		s.cfg.Log.Info("the checkpoint's place is one of a file: going on with files; --from with gtid: changes that")
	}
	if !at.byGTID {
		if err := s.hasFile(l, &at); err != nil {
			return st, err
		}
	}
	if l.has(at.file) {
		if err := s.sameLog(ctx, &at); err != nil {
			return st, err
		}
	}
	return st, nil
}

// move takes a place by GTID over to another log: its file says nothing there,
// and places begin anew (C2.3).
func (s *Source) move(st checkpoint.State, at position) (checkpoint.State, error) {
	m, err := loadMemory(st.Memory)
	if err != nil {
		return st, err
	}
	m.Read = 0
	at.file, at.offset, at.mark = "", 0, mark{}
	st.Position, st.Bound, st.Memory = at.text(), 0, m.encode()
	st.Source = s.source()
	st.Epoch++
	return st, nil
}

// readable says whether a place is of a kind that the server understands.
func (s *Source) readable(at *position) error {
	switch {
	case !at.byGTID:
		return nil
	case s.server.MariaDB && !at.set.Empty():
		return failure.Stop("write it as gtid:0-1-100", "the place gtid:%s is one of MySQL, and the server is a MariaDB", at.gtids())
	case !s.server.MariaDB && !at.list.Empty():
		return failure.Stop("write it as gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-77", "the place gtid:%s is one of MariaDB, and the server is a MySQL", at.gtids())
	case !s.server.MariaDB && s.server.GTIDMode != "ON":
		return failure.Stop("set gtid_mode=ON at the server again; or start with --from and a file: position",
			"the place is one of GTIDs, and gtid_mode is %s: transactions without one would be missed", s.server.GTIDMode)
	}
	return nil
}

// hasGTIDs says whether the server knows every transaction of a place, and still
// has every one behind it.
func (s *Source) hasGTIDs(l *logState, at *position) error {
	if missing := l.missing(at); missing != "" {
		return lost("the server does not have the transactions %s that were read before: it was restored from a copy, or begun anew, or is behind the one that was read", missing)
	}
	if s.server.MariaDB && at.list.Contains(l.oldest.list) || !s.server.MariaDB && at.set.Contains(l.oldest.set) {
		return nil
	}
	purged := l.oldest.list.String()
	if !s.server.MariaDB {
		purged = l.oldest.set.Minus(at.set).String()
	}
	return lost("the server has purged what follows the place: %.300s is in no binlog any more, the oldest is %s", purged, l.files[0].name)
}

// missing returns what a place has and the server does not know, for people.
func (l *logState) missing(at *position) string {
	if at.set != nil {
		return brief(at.set.Minus(l.newest.set).String())
	}
	for _, g := range at.list {
		known := false
		for _, k := range l.known {
			known = known || k.Domain == g.Domain && k.Server == g.Server && k.Sequence >= g.Sequence
		}
		if !known {
			return g.String()
		}
	}
	return ""
}

// brief cuts a long text for a sentence.
func brief(text string) string {
	const most = 300
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// hasFile says whether the server still has the file of a place and as much of
// it.
func (s *Source) hasFile(l *logState, at *position) error {
	oldest, newest := l.files[0].name, l.newest.file
	switch {
	case before(&l.newest, at):
		return lost("the place %s is not of this log, which goes from %s to %s: it was begun anew or has another name", at.place(), oldest, newest)
	case !l.has(at.file):
		return lost("the server has purged %s: the oldest binlog is %s", at.file, oldest)
	}
	for _, f := range l.files {
		if f.name == at.file && at.offset > f.size && (f.name != newest || at.offset > l.newest.offset) {
			return lost("the place %s is behind the end of the file: the log was begun anew, restored from a copy, or lost its end in a crash", at.place())
		}
	}
	return nil
}

// sameLog reads the last event before a place again and holds it against the
// place's mark (C4.4): a log that was begun anew, or restored, has files of the
// same names.
func (s *Source) sameLog(ctx context.Context, at *position) error {
	if at.mark == (mark{}) {
		return nil
	}
	same := false
	err := s.probe(ctx, at.file, max(at.mark.start, firstOffset), func(f frame, end uint64) (more bool, err error) {
		switch {
		case f.header.Type == binlog.FormatDescription:
			same = f.header.Timestamp == at.mark.created
			// Without a last event it is all that is known.
			return same && at.mark.start > firstOffset, nil
		case artificial(f.header):
			return true, nil
		}
		same = end == at.offset && f.crc == at.mark.crc
		return false, nil
	})
	if err == nil && !same || notThere(err) {
		return errAnew(at)
	}
	return err
}

// errAnew is the error for a place that is in another log of the same name.
func errAnew(at *position) error {
	return lost("the log at %s is not the one that was read: it was begun anew, restored from a copy, or lost its end in a crash", at.place())
}

// behind reports whether the log that is there begins behind everything that a
// place has.
func (l *logState) behind(at *position) bool {
	return l.oldest.set.Contains(at.set) && l.oldest.list.Contains(at.list)
}

// notThere reports whether a probe found that there is no event at its place:
// the server says so in many ways, or sends what is none.
func notThere(err error) bool {
	my := serverError(err)
	return errors.Is(err, capture.ErrLost) || my != nil && my.Code == errDumpFailed || errors.Is(err, errDamaged)
}

// errDumpFailed is the server's number for everything that ends a dump
// (ER_MASTER_FATAL_ERROR_READING_BINLOG).
const errDumpFailed = 1236
