package binlog

import (
	"bytes"
	"fmt"
	"strings"
)

// A Format is what a FORMAT_DESCRIPTION_EVENT says of the events after it.
type Format struct {
	Server   string // version of the server that wrote the file
	Checksum bool   // the events end in a CRC32 of 4 bytes
	MariaDB  bool   // Server is a MariaDB

	tableID uint64 // bytes of a table's id
}

const (
	serverLen   = 50
	checksumLen = 4
	logVersion  = 4
	// shortPostHeader is the length of the fixed part of a table map whose
	// table id has 4 bytes; it has 6 in all others.
	shortPostHeader = 6
)

// ParseFormat reads a FORMAT_DESCRIPTION_EVENT (MySQL:
// "Format_description_event"). Its body is all that follows the header: unlike
// the bodies of other events it ends in the checksum's algorithm (one byte) and
// in 4 bytes for a checksum, which are there although checksums are off. Servers
// before MySQL 5.6.1 and MariaDB 5.3 are not read.
func ParseFormat(body []byte) (Format, error) {
	c := cursor{b: body}
	version := c.uint16("version of the log")
	server := c.take(serverLen, "version of the server")
	c.uint32("time of creation")
	f := Format{tableID: 6}
	headerLen := c.uint8("length of a header")
	if len(c.b) < int(TableMapEvent)+1+checksumLen {
		c.fail("lengths of event types")
	}
	if err := c.err(FormatDescription); err != nil {
		return Format{}, err
	}
	if version != logVersion || headerLen != HeaderLen {
		return Format{}, fmt.Errorf("%s: version %d with headers of %d bytes is not the one that is read", FormatDescription, version, headerLen)
	}
	if end := bytes.IndexByte(server, 0); end >= 0 {
		server = server[:end]
	}
	f.Server = string(server)
	f.MariaDB = strings.Contains(strings.ToLower(f.Server), "mariadb")
	if c.b[TableMapEvent-1] == shortPostHeader {
		f.tableID = 4
	}
	switch algorithm := c.b[len(c.b)-checksumLen-1]; algorithm {
	case 0, 255:
	case 1:
		f.Checksum = true
	default:
		return Format{}, fmt.Errorf("%s: checksum algorithm %d is not known", FormatDescription, algorithm)
	}
	return f, nil
}

// ParseRotate reads a ROTATE_EVENT: the file that follows, and where in it the
// next event stands (MySQL: "Rotate_event"). The body has no checksum.
func ParseRotate(body []byte) (file string, pos uint64, err error) {
	c := cursor{b: body}
	pos = c.uint64("position")
	if !c.more() {
		c.fail("name of the file")
	}
	return string(c.b), pos, c.err(Rotate)
}
