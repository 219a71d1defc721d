package mysql

import (
	"context"
	"errors"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
)

// Gauge is a capture.Gauge of a MySQL or MariaDB server. It asks as the user that
// reads the log, and looks into the log as nobody's replica.
type Gauge struct {
	// src judges a place by what Locate goes by. It is neither located nor opened.
	src *Source
	// begun says when files were begun, which never changes: Unix seconds by the
	// clock of the server. A log that was begun anew has other ones.
	begun map[string]uint32
	// last is where the log ended at the last look that met this log. While it is
	// not known, the place is held against the log itself (C4.4).
	last position
	// found is where the last place of GTIDs alone goes on.
	found foundPlace
}

var _ capture.Gauge = (*Gauge)(nil)

// NewGauge returns a Gauge of the server that cfg names. It connects nowhere; the
// error is one of usage.
func NewGauge(cfg Config) (capture.Gauge, error) {
	cfg.Log = zap.NewNop() // what a start would tell is told by the start
	src, err := New(cfg)
	if err != nil {
		return nil, err
	}
	src.side.program += " gauge"
	return &Gauge{src: src}, nil
}

// Close implements capture.Gauge.
func (g *Gauge) Close() error { return g.src.Close() }

// Look implements capture.Gauge.
func (g *Gauge) Look(ctx context.Context, st checkpoint.State) (capture.Sight, error) {
	sight, err := g.look(ctx, st)
	return sight, g.failed(ctx, err)
}

// failed takes an error, which may be nil, of a look: the next one may meet another
// server.
func (g *Gauge) failed(ctx context.Context, err error) error {
	if isDenied(err) {
		err = g.denied(ctx, err)
	}
	if err != nil {
		g.forget()
	}
	return err
}

func (g *Gauge) look(ctx context.Context, st checkpoint.State) (capture.Sight, error) {
	sight := capture.Sight{Behind: capture.Unknown, Kept: capture.Unknown, Room: capture.Unknown, Left: capture.Unknown}
	l, k, err := g.ask(ctx)
	if err != nil {
		return sight, err
	}
	from, to := l.oldest, l.newest
	if !g.src.usesGTIDs() {
		from, to = from.withoutGTIDs(), to.withoutGTIDs()
	}
	sight.Oldest, sight.Newest = from.text(), to.text()
	if st.Position == "" {
		return sight, nil
	}
	at, err := parsePosition(st.Position)
	if err != nil {
		return sight, err
	}
	at, lost, err := g.judge(ctx, st, &l, at)
	if err != nil {
		return sight, err
	}
	if lost != nil {
		sight.Lost = lost.Error()
		return sight, nil // what is there is not what follows the place
	}
	if at, err = g.inFiles(ctx, &l, at); err != nil {
		return sight, err
	}
	sight.Behind = l.after(&at)
	return sight, g.limits(ctx, &sight, &l, k, &at)
}

// judge returns the place in this server's log, or why a start there is refused:
// lost has the words of Locate. err says that it can't be found out now.
func (g *Gauge) judge(ctx context.Context, st checkpoint.State, l *logState, at position) (here position, lost, err error) {
	if before(&l.newest, &g.last) || l.newest.file == g.last.file && l.newest.offset < g.last.offset {
		g.begun, g.last, g.found = nil, position{}, foundPlace{} // the log was begun anew
	}
	system := st.Source.System
	if st, err = g.src.recognise(ctx, st, l, &at); err != nil {
		return at, nil, err
	}
	marked := at
	at.mark = mark{} // what is left is decided without another question
	next, lost := g.src.resume(ctx, st, l, at)
	if lost != nil {
		g.last = position{}
		return at, lost, nil
	}
	held := g.last.file != "" && system == g.src.server.UUID
	g.last = position{}
	if !held && next.Position == st.Position && l.has(marked.file) {
		same, err := g.src.sameLog(ctx, &marked)
		if err != nil {
			return at, nil, err
		}
		if !same {
			return at, g.src.errAnew(&marked), nil
		}
	}
	g.last = position{file: l.newest.file, offset: l.newest.offset}
	here, err = parsePosition(next.Position)
	return here, nil, err
}

// forget makes the next look begin anew.
func (g *Gauge) forget() {
	g.src.forget()
	g.src.server = server{}
	g.begun, g.last, g.found = nil, position{}, foundPlace{}
}

// denied is the error for a user who may not ask, with the GRANT that is missing
// in the words of Check.
func (g *Gauge) denied(ctx context.Context, err error) error {
	c := checker{Source: g.src}
	asked := g.src.ask(ctx, "ask for what is missing", func(conn *client.Conn) error {
		if err := c.readUser(conn); err != nil {
			return err
		}
		return c.readStatus(conn)
	})
	if asked == nil && len(c.errs) == 0 {
		asked = c.tryDump(ctx)
	}
	if asked != nil {
		return asked
	}
	return errors.Join(append(c.errs, err)...)
}

// ask asks what the server has of its log, and for how long.
func (g *Gauge) ask(ctx context.Context) (l logState, k keeping, err error) {
	if g.src.server.Version == "" {
		if err := g.src.identify(ctx); err != nil {
			return l, k, err
		}
	}
	if l, err = g.src.glance(ctx); err != nil {
		return l, k, err
	}
	err = g.src.ask(ctx, "ask how long the server keeps its log", func(c *client.Conn) (err error) {
		k, err = readKeeping(c)
		return err
	})
	return l, k, err
}
