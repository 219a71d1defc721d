package mysql

import (
	"context"
	"errors"
	"fmt"

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
	s.forget() // whom Open will meet is who is asked now
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
	if st, err = s.recognise(ctx, st, &l, &at); err != nil {
		return st, err
	}
	if from != "" {
		if st.Source.System != s.server.UUID {
			return st, s.otherServer(st)
		}
		anew, err := s.begunAnew(ctx, &l, &at)
		if err != nil {
			return st, err
		}
		if anew {
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

// recognise takes a MariaDB for the server of the checkpoint if its log is the one
// that was read: somebody may have changed its server_id. It may also be a copy,
// which goes its own way behind the place; therefore another epoch (C2.3). A
// place that is at no event's end says too little. A MySQL has its UUID.
func (s *Source) recognise(ctx context.Context, st checkpoint.State, l *logState, at *position) (checkpoint.State, error) {
	if !s.server.MariaDB || st.Source.System == s.server.UUID || at.mark.start <= firstOffset || !l.has(at.file) {
		return st, nil
	}
	same, err := s.sameLog(ctx, at)
	if same && err == nil {
		st.Source = s.source()
		st.Epoch++
	}
	return st, err
}

// begunAnew reports whether the log is another one than that of the checkpoint's
// place, so that places in it may come again.
func (s *Source) begunAnew(ctx context.Context, l *logState, at *position) (bool, error) {
	if before(&l.newest, at) || at.byGTID && l.missing(at) != "" {
		return true, nil
	}
	if !l.has(at.file) {
		return false, nil // it names no file, or every place that there is lies behind it
	}
	same, err := s.sameLog(ctx, at)
	return !same, err
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
	if !s.keeps(&at) {
		return st, s.otherKind(&at)
	}
	other := st.Source.System != s.server.UUID
	if other && !at.byGTID {
		return st, s.otherServer(st)
	}
	if at.byGTID {
		if missing := l.missing(&at); missing != "" {
			return st, lost("the server does not have the transactions %s that were read before: it was restored from a copy, or begun anew, or is behind the one that was read%s",
				missing, s.orAnother())
		}
		if purged := s.purged(l, &at); purged != "" {
			return st, lost("%s", purged)
		}
		if other {
			s.cfg.Log.Warn("the server is another one, and has everything of the checkpoint: going on there",
				zap.String("from", st.Source.System), zap.String("to", s.server.UUID))
		}
		if !other && before(&l.newest, &at) && !l.behind(&at) {
			// GTIDs that were given before are given again to other transactions.
			return st, s.errAnew(&at)
		}
		if other || before(&l.newest, &at) {
			return s.move(st, at), nil
		}
	}
	if !at.byGTID && s.usesGTIDs() {
		s.cfg.Log.Info("the checkpoint's place is one of a file: going on with files; --from with gtid: changes that")
	}
	if !at.byGTID {
		if missing := l.missingFile(&at); missing != "" {
			return st, lost("%s: the log was begun anew, restored from a copy, given another name, or lost its end in a crash%s", missing, s.orAnother())
		}
		if !l.has(at.file) {
			return st, lost("the server has purged %s: the oldest binlog is %s", at.file, l.files[0].name)
		}
	}
	if l.has(at.file) {
		same, err := s.sameLog(ctx, &at)
		if err == nil && !same {
			err = s.errAnew(&at)
		}
		return st, err
	}
	return st, nil
}

// keeps reports whether a place is of the kind that the configuration names.
func (s *Source) keeps(at *position) bool {
	return s.cfg.Positions == AutoPositions || at.byGTID == (s.cfg.Positions == GTIDPositions)
}

// otherKind is the error for a checkpoint's place that keeps refuses.
func (s *Source) otherKind(at *position) error {
	has, other, from := "a file", FilePositions, "a gtid: place"
	if at.byGTID {
		has, other, from = "GTIDs", GTIDPositions, "a file: place"
	}
	if at.byGTID && at.file != "" {
		from = fmt.Sprintf("file:%s:%d", appendFile(nil, at.file), at.offset)
	}
	return failure.Stop(fmt.Sprintf("set it to auto or %s again; or go on with --from %s", other, from),
		"source.mysql.positions is %s, and the checkpoint's place is one of %s", s.cfg.Positions, has)
}

// orAnother adds what else may be wrong where servers can't be told apart for
// certain: many a MariaDB has the server_id 1.
func (s *Source) orAnother() string {
	if s.server.MariaDB {
		return ", or this is another server"
	}
	return ""
}

// move takes a place by GTID over to another log: its file says nothing there,
// and places begin anew (C2.3).
func (s *Source) move(st checkpoint.State, at position) checkpoint.State {
	at.file, at.offset, at.mark, at.read = "", 0, mark{}, 0
	st.Position, st.Bound = at.text(), 0
	st.Source = s.source()
	st.Epoch++
	return st
}

// readable says whether a place is of a kind that the server understands.
func (s *Source) readable(at *position) error {
	if !at.byGTID {
		return nil
	}
	if sentence, hint := at.foreign(s.server.MariaDB); sentence != "" {
		return failure.Stop(hint, "%s", sentence)
	}
	if !s.server.MariaDB && s.server.GTIDMode != "ON" {
		return failure.Stop("set gtid_mode=ON at the server again; or start with --from and a file: position",
			"the place is one of GTIDs, and gtid_mode is %s: transactions without one would be missed", s.server.GTIDMode)
	}
	return nil
}

// purged says what of the transactions behind a place is in no binlog any more,
// "" if all are.
func (s *Source) purged(l *logState, at *position) string {
	if s.server.MariaDB && at.list.Contains(l.oldest.list) || !s.server.MariaDB && at.set.Contains(l.oldest.set) {
		return ""
	}
	purged := l.oldest.list.String()
	if !s.server.MariaDB {
		purged = l.oldest.set.Minus(at.set).String()
	}
	return fmt.Sprintf("the server has purged what follows the place: %.300s is in no binlog any more, the oldest is %s", purged, l.files[0].name)
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

// missingFile says why a place of a file was never in this log, or is not any
// more; "" if it is or was purged.
func (l *logState) missingFile(at *position) string {
	if before(&l.newest, at) {
		return fmt.Sprintf("the place %s is not of this log, which goes from %s to %s", at.place(), l.files[0].name, l.newest.file)
	}
	for _, f := range l.files {
		if f.name == at.file && at.offset > f.size && (f.name != l.newest.file || at.offset > l.newest.offset) {
			return fmt.Sprintf("the place %s is behind the end of the file", at.place())
		}
	}
	return ""
}

// sameLog reads the last event before a place again and holds it against the
// place's mark (C4.4): a log that was begun anew, or restored, has files of the
// same names.
func (s *Source) sameLog(ctx context.Context, at *position) (same bool, err error) {
	if at.mark == (mark{}) {
		return true, nil
	}
	err = s.probe(ctx, at.file, max(at.mark.start, firstOffset), func(f frame, end uint64) (more bool, err error) {
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
	if notThere(err) {
		return false, nil
	}
	return same, err
}

// errAnew is the error for a place that is in another log of the same name.
func (s *Source) errAnew(at *position) error {
	return lost("the log at %s is not the one that was read: it was begun anew, restored from a copy, or lost its end in a crash%s", at.place(), s.orAnother())
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
