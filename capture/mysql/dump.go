package mysql

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Flags of COM_BINLOG_DUMP.
const (
	dumpNoWait   = 1 // end at the log's end
	dumpAnnotate = 2 // MariaDB: leave out no event, so that places can be counted
)

// dump asks for the log behind a position. What comes first is an artificial
// ROTATE_EVENT, which says where it begins: for a position in a file that is
// behind 4 GiB at the file's start, since the command has 32 bits for it. The
// error is classified; that the server does not have the place comes as one of
// the wire.
func (r *dumper) dump(ctx context.Context, at position) (*wire, error) {
	return r.ask(ctx, at, r.id)
}

// ask is dump as the replica of the given id. 0 is nobody: the server ends the
// log at its end and does not mind that others are there, as for mysqlbinlog.
func (r *dumper) ask(ctx context.Context, at position, id uint32) (*wire, error) {
	c, err := r.open(ctx, at, id)
	if err != nil {
		return nil, err
	}
	err = within(ctx, c, func() error {
		// From here on the socket itself is read. The library has nothing in its
		// buffer: it reads only to answer what was asked, and the answer to this
		// has not begun. A packet that was sent unasked before would show, since
		// those of the answer are numbered from 1.
		c.ResetSequence()
		return c.WritePacket(r.dumpCommand(at, id))
	})
	if err != nil {
		_ = c.Close()
		return nil, classify("ask for the log", err)
	}
	return newWire(c.Conn.Conn, r.max, r.silence), nil
}

func (r *dumper) dumpCommand(at position, id uint32) []byte {
	if at.byGTID && !r.target.mariadb {
		set := at.set.Encode(nil, true)
		b := binary.LittleEndian.AppendUint16(command(mysql.COM_BINLOG_DUMP_GTID), 0)
		b = binary.LittleEndian.AppendUint32(b, id)
		b = binary.LittleEndian.AppendUint32(b, 0) // no file
		b = binary.LittleEndian.AppendUint64(b, firstOffset)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(set)))
		return append(b, set...)
	}
	file, offset := at.file, uint32(firstOffset)
	if at.offset <= math.MaxUint32 {
		offset = uint32(at.offset)
	}
	if at.byGTID { // MariaDB: the session has the place
		file, offset = "", firstOffset
	}
	var flags uint16
	if r.target.mariadb {
		flags |= dumpAnnotate
	}
	if id == 0 {
		flags |= dumpNoWait
	}
	b := binary.LittleEndian.AppendUint32(command(mysql.COM_BINLOG_DUMP), offset)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint32(b, id)
	return append(b, file...)
}
