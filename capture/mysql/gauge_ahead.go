package mysql

import (
	"context"
	"time"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/event"
)

// Ahead is what lies behind a place, as Gauge.Ahead finds it.
type Ahead struct {
	// Files are those that are yet to be read, the oldest first.
	Files []FileAhead
	// First is when the first transaction behind the place was committed, by the
	// server's clock; zero if there is none.
	First time.Time
}

// A FileAhead is a binlog that is yet to be read.
type FileAhead struct {
	Name  string
	Bytes int64 // that are yet to be read
	Size  int64
}

// Ahead looks at what lies behind a place that Look does not call lost. It reads
// the log up to the first transaction there, and is no replica to the server. Its
// errors are those of Look.
func (g *Gauge) Ahead(ctx context.Context, p event.Position) (Ahead, error) {
	a, err := g.ahead(ctx, p)
	return a, g.failed(ctx, err)
}

func (g *Gauge) ahead(ctx context.Context, p event.Position) (a Ahead, err error) {
	at, err := parsePosition(p)
	if err != nil {
		return a, err
	}
	l, _, err := g.ask(ctx)
	if err == nil {
		at, err = g.inFiles(ctx, &l, at)
	}
	if err != nil {
		return a, err
	}
	i, from := l.next(&at)
	if i < 0 {
		return a, nil
	}
	first := from
	for j := i; j <= l.last(); j++ {
		a.Files = append(a.Files, FileAhead{Name: l.files[j].name, Bytes: l.span(j, from), Size: l.span(j, 0)})
		from = 0
	}
	if l.caughtUp(&at) {
		return a, nil
	}
	a.First, err = g.firstCommit(ctx, l.files[i].name, max(first, firstOffset))
	if notThere(err) {
		err = purgedMeanwhile(l.files[i].name)
	}
	return a, err
}

// firstCommit returns when the first transaction behind a place was committed.
func (g *Gauge) firstCommit(ctx context.Context, file string, offset uint64) (at time.Time, err error) {
	err = g.src.probe(ctx, file, offset, func(f frame, _ uint64) (more bool, err error) {
		if !beginsTransaction(f.header.Type) {
			return true, nil
		}
		at = time.Unix(int64(f.header.Timestamp), 0)
		if f.header.Type == binlog.MariaGTID {
			return false, nil
		}
		e, err := binlog.ParseGTID(f.header, f.body)
		if err != nil {
			return false, damaged("%w", err)
		}
		if e.OriginalMicros != 0 {
			at = time.UnixMicro(int64(e.OriginalMicros)) // C4.8
		}
		return false, nil
	})
	return at, err
}
