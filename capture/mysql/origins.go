package mysql

import (
	"strconv"

	"github.com/tailrace/tailrace/capture/mysql/gtid"
)

// origins keeps one string for each origin of GTIDs, so that a transaction
// makes none.
type origins struct {
	last    origin // the one before is nearly always the next one
	byTag   map[gtid.Source]origin
	domain  uint32
	server  uint32
	mariaDB string
}

// An origin is where GTIDs of MySQL come from.
type origin struct {
	source gtid.Source
	prefix string // of their text
}

func (o *origins) mysql(uuid [16]byte, tag []byte) origin {
	if o.last.prefix != "" && o.last.source.UUID == uuid && o.last.source.Tag == string(tag) {
		return o.last
	}
	source := gtid.Source{UUID: uuid, Tag: string(tag)}
	found, ok := o.byTag[source]
	if !ok {
		found = origin{source, source.String() + ":"}
		if o.byTag == nil {
			o.byTag = make(map[gtid.Source]origin)
		}
		o.byTag[source] = found
	}
	o.last = found
	return found
}

func (o *origins) mariadb(domain, server uint32) string {
	if o.mariaDB == "" || o.domain != domain || o.server != server {
		o.domain, o.server = domain, server
		o.mariaDB = strconv.FormatUint(uint64(domain), 10) + "-" + strconv.FormatUint(uint64(server), 10) + "-"
	}
	return o.mariaDB
}
