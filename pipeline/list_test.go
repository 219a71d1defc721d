package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/schema"
)

// plainText is the codec of columns whose raw bytes are their text.
type plainText struct{}

func (plainText) AppendJSON(dst, raw []byte) ([]byte, error) {
	return append(append(append(dst, '"'), raw...), '"'), nil
}
func (plainText) AppendText(dst, raw []byte) ([]byte, error) { return append(dst, raw...), nil }
func (plainText) Equal(a, b []byte) bool                     { return string(a) == string(b) }

// tableOf makes a table; its key are the columns whose indexes are given.
func tableOf(t *testing.T, name string, columns []string, key ...int) *schema.Table {
	t.Helper()
	table := schema.Table{Database: "db", Schema: "public", Name: name, Key: key}
	for _, c := range columns {
		table.Columns = append(table.Columns, schema.Column{Name: c, Codec: plainText{}})
	}
	made, err := schema.NewTable(table)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// rowOf makes a row of texts: "-" is an absent value and "NULL" is none.
func rowOf(values ...string) event.Row {
	var row event.Row
	for _, v := range values {
		switch v {
		case "-":
			row = append(row, event.Value{})
		case "NULL":
			row = append(row, event.Value{State: event.Null})
		default:
			row = append(row, event.Value{State: event.Present, Raw: []byte(v)})
		}
	}
	return row
}

// A listSource has one transaction, of given changes, and nothing after it.
type listSource struct{ changes []event.Change }

func (s listSource) Check(context.Context) error { return nil }
func (s listSource) Locate(_ context.Context, st checkpoint.State, _ string) (checkpoint.State, error) {
	if st.Position == "" {
		st.Position = "0"
	}
	return st, nil
}

func (s listSource) Open(context.Context, checkpoint.State) (capture.Stream, error) {
	return &listStream{listSource: s}, nil
}

func (s listSource) Range(context.Context) (oldest, newest event.Position, err error) {
	return "0", "1", nil
}
func (s listSource) Reached(at, target event.Position) bool { return at >= target }
func (s listSource) Describe() capture.Description          { return capture.Description{} }
func (s listSource) Close() error                           { return nil }

type listStream struct {
	listSource
	next int // change
}

// Next hands out a few changes at a time.
func (s *listStream) Next(ctx context.Context, u *event.Unit) error {
	if s.next == len(s.changes) {
		<-ctx.Done()
		return ctx.Err()
	}
	u.Split = s
	u.Txns = append(u.Txns, event.Txn{Commit: 30, XID: 7})
	for range min(4, len(s.changes)-s.next) {
		c := &s.changes[s.next]
		u.Items = append(u.Items, event.Item{Op: c.Op, Table: c.Table, Event: 20, Row: uint32(2 * s.next)})
		s.next++
	}
	if s.next == len(s.changes) {
		u.Items = append(u.Items, event.Item{Op: event.End})
		u.Position, u.Bound = "1", 31
	}
	return nil
}

// Split implements event.Splitter.
func (s *listStream) Split(_ *event.Unit, it *event.Item, c *event.Change, emit func(*event.Change) error) error {
	given := s.changes[it.Row/2]
	c.Before, c.After, c.Moved = given.Before, given.After, given.Moved
	return emit(c)
}
func (s *listStream) Confirm(event.Position) {}

// A listSink keeps copies of the records of tables, and of the ends of
// transactions.
type listSink struct {
	hashes []uint32
	texts  []string // key, a space, and op or nothing
	all    []bool
	topics []string
	ends   []string
}

func (s *listSink) Publish(_ context.Context, b *publish.Batch, done func(error)) error {
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic.Channel == publish.Transactions {
			s.ends = append(s.ends, string(b.Value(r)))
		}
		if !r.Topic.Channel.Events() {
			continue
		}
		op, _, _ := strings.Cut(strings.TrimPrefix(string(b.Value(r)), `{"op":"`), `"`)
		s.hashes, s.all = append(s.hashes, r.Hash), append(s.all, r.All)
		s.texts = append(s.texts, string(b.Key(r))+" "+op)
		s.topics = append(s.topics, r.Topic.Name)
	}
	done(nil)
	return nil
}
func (s *listSink) Flush(context.Context) error { return nil }
func (s *listSink) Close() error                { return nil }

// publishing runs changes through a pipeline, which by may alter.
func publishing(t *testing.T, changes []event.Change, by func(*pipeline.Pipeline)) (*listSink, error) {
	t.Helper()
	sink := new(listSink)
	err := running(t, changes, func(p *pipeline.Pipeline) {
		p.OpenSink = func(context.Context, checkpoint.State) (publish.Publisher, error) { return sink, nil }
		by(p)
	})
	return sink, err
}

// running runs changes through a pipeline, which by must give a sink.
func running(t *testing.T, changes []event.Change, by func(*pipeline.Pipeline)) error {
	t.Helper()
	var err error
	synctest.Test(t, func(t *testing.T) {
		p := &pipeline.Pipeline{
			Name: "p", Source: listSource{changes}, Store: new(oneStore),
			NewEncoder: func() encode.Encoder { return encode.NewNative("postgresql", "p") },
			TopicName:  func(_, _, table string) string { return table },
			From:       event.Earliest, Until: event.Now, Memory: 1 << 20, Drain: time.Second, Interval: time.Second,
			Workers: 1, Log: zap.NewNop(), Stats: new(pipeline.Stats),
		}
		by(p)
		err = p.Run(t.Context())
	})
	return err
}

// A oneStore keeps a State in memory.
type oneStore struct{ st checkpoint.State }

func (s *oneStore) Acquire(context.Context) (checkpoint.State, error) { return s.st, nil }
func (s *oneStore) Load(context.Context) (checkpoint.State, error)    { return s.st, nil }
func (s *oneStore) Save(_ context.Context, st checkpoint.State) error { s.st = st; return nil }
func (s *oneStore) Close() error                                      { return nil }
