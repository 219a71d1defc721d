package values

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

// Wire returns the column as the log writes it, for the hash of its table
// version and nothing else: type and what belongs to the type, then whatever
// more the log told. The same column has another Wire when the log tells less of
// it (binlog_row_metadata=MINIMAL).
func Wire(c binlog.Column) string {
	wire := fmt.Sprintf("%d/%d", c.Type, c.Meta)
	if c.Nullable {
		wire += ",null"
	}
	if c.Unsigned {
		wire += ",unsigned"
	}
	if c.Charset != 0 {
		wire += fmt.Sprintf(",charset=%d", c.Charset)
	}
	if c.Geometry != 0 {
		wire += fmt.Sprintf(",geometry=%d", c.Geometry)
	}
	if c.Dimension != 0 {
		wire += fmt.Sprintf(",dimension=%d", c.Dimension)
	}
	if c.Labels != nil {
		hash := sha256.New()
		for _, label := range c.Labels {
			// The length keeps "ab","c" and "a","bc" apart.
			hash.Write(binary.AppendUvarint(nil, uint64(len(label))))
			hash.Write(label)
		}
		wire += ",labels=" + hex.EncodeToString(hash.Sum(nil)[:8])
	}
	return wire
}
