package file

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tailrace/tailrace/publish"
)

const extension = ".ndjson"

// maxName is how long a file name without its extension may be. The file
// systems of Linux and macOS take 255 bytes.
const maxName = 255 - len(extension)

// fileName returns the name of the file for topic t. No two topics have the
// same one, and a topic of events never that of another channel.
func fileName(t *publish.Topic) string {
	switch t.Channel {
	case publish.Transactions:
		return "_transactions" + extension
	case publish.Progress:
		return "_progress" + extension
	case publish.Schemas:
		return "_schemas" + extension
	}
	return escape(t.Name) + extension
}

// escape writes every byte of a topic's name but A-Z, a-z, 0-9, "-", "." and
// "_" as % and two hex digits, and the last two of those also where they are
// the first byte: such names are hidden or belong to another channel. What
// becomes too long ends in "~" and a hash of the whole name.
func escape(topic string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(topic) {
		c := topic[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-',
			i > 0 && (c == '.' || c == '_'):
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	if b.Len() <= maxName {
		return b.String()
	}
	sum := sha256.Sum256([]byte(topic))
	tail := "~" + hex.EncodeToString(sum[:16])
	return b.String()[:maxName-len(tail)] + tail
}
