// Package encode turns changes into the bytes of a key and a value. It is
// pure: the same change gives the same bytes, whenever and wherever.
package encode

import "github.com/tailrace/tailrace/event"

// An Encoder writes events of one format. Each worker has its own: it keeps
// what is constant for a table version or a transaction.
type Encoder interface {
	// AppendKey appends the message key of c; nothing for a keyless table.
	AppendKey(dst []byte, c *event.Change) ([]byte, error)
	// AppendValue appends the event without a line break.
	AppendValue(dst []byte, c *event.Change) ([]byte, error)
}
