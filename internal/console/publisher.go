package console

import (
	"context"

	"github.com/tailrace/tailrace/publish"
)

// A Publisher hands the lines that people read to another publisher, which
// writes them. Control records are left out.
type Publisher struct {
	lines   publish.Publisher
	printer *Printer
}

var _ publish.Publisher = (*Publisher)(nil)

// NewPublisher returns a Publisher that owns lines: closing it closes that.
func NewPublisher(lines publish.Publisher, o Options) *Publisher {
	return &Publisher{lines: lines, printer: NewPrinter(o)}
}

// Publish hands on one line per data record of b. A record that is not a
// native event is an error, and then nothing of b is handed on.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	shown := &publish.Batch{Time: b.Time}
	var line []byte
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic.Channel != publish.Data {
			continue
		}
		var err error
		if line, _, err = p.printer.Append(line[:0], b.Key(r), b.Value(r)); err != nil {
			return err
		}
		shown.Add(r.Topic, r.Hash, nil, line)
	}
	return p.lines.Publish(ctx, shown, done)
}

// Flush implements publish.Publisher.
func (p *Publisher) Flush(ctx context.Context) error { return p.lines.Flush(ctx) }

// Close implements publish.Publisher.
func (p *Publisher) Close() error { return p.lines.Close() }
