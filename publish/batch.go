package publish

import "time"

// A Batch is a run of records in log order. It is filled by a pipeline's
// worker and reused once its done was called.
type Batch struct {
	Buf     []byte // keys and values one after another; Records point into it
	Records []Record
	Time    time.Time // wall clock when it was handed on: the records' timestamp (C7.6)
}

// A Record is one message for a topic.
type Record struct {
	Topic *Topic
	// Hash chooses the partition: murmur2 of the partition key, as Kafka's
	// Java client computes it.
	Hash uint32
	// All asks for one copy in every partition of the topic.
	All bool
	// KeyStart == KeyEnd says that the record has a null key.
	KeyStart, KeyEnd, ValueEnd uint32
}

// A Topic names a destination. Pointers identify topics within a pipeline.
type Topic struct {
	Name    string
	Channel Channel
}

// A Channel says what kind of records a topic holds.
type Channel uint8

// The channels. A publisher that is a single stream of events, as stdout is,
// takes only those that hold events.
const (
	Data         Channel = iota // events of a table
	Transactions                // one END marker per transaction
	Progress                    // how far everything is published
	Schemas                     // one document per table version
	Control                     // events of tables that are kept apart from those of rows
)

// Events reports whether c holds events of tables.
func (c Channel) Events() bool { return c == Data || c == Control }

// Key returns the key of r, nil if it has none.
func (b *Batch) Key(r *Record) []byte {
	if r.KeyStart == r.KeyEnd {
		return nil
	}
	return b.Buf[r.KeyStart:r.KeyEnd:r.KeyEnd]
}

// Value returns the value of r.
func (b *Batch) Value(r *Record) []byte { return b.Buf[r.KeyEnd:r.ValueEnd:r.ValueEnd] }

// Add appends a record whose key and value are copied into b.
func (b *Batch) Add(t *Topic, hash uint32, key, value []byte) {
	start := len(b.Buf)
	b.Buf = append(b.Buf, key...)
	keyEnd := len(b.Buf)
	b.Buf = append(b.Buf, value...)
	b.Records = append(b.Records, Record{
		Topic: t, Hash: hash,
		KeyStart: uint32(start), KeyEnd: uint32(keyEnd), ValueEnd: uint32(len(b.Buf)),
	})
}

// Reset empties b and keeps its buffers.
func (b *Batch) Reset() {
	clear(b.Records)
	*b = Batch{Buf: b.Buf[:0], Records: b.Records[:0]}
}
