package kinesis_test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A subRecord is one of the records in an aggregate.
type subRecord struct {
	key, hash string
	data      []byte
}

// deaggregate splits a record by "KPL Aggregated Record Format", as a consumer
// would who knows nothing of how it was made: fields may come in any order, and
// those that it does not know are skipped. aggregated is false for a record that is
// none.
func deaggregate(data []byte) (records []subRecord, aggregated bool, err error) {
	body, is := bytes.CutPrefix(data, []byte{0xf3, 0x89, 0x9a, 0xc2})
	if !is || len(body) < md5.Size {
		return nil, false, nil
	}
	body, sum := body[:len(body)-md5.Size], body[len(body)-md5.Size:]
	if want := md5.Sum(body); !bytes.Equal(sum, want[:]) {
		return nil, true, errors.New("the MD5 is another one")
	}
	var keys, hashes []string
	var messages [][]byte
	err = fields(body, func(number int, _ uint64, bytes []byte) {
		switch number {
		case 1:
			keys = append(keys, string(bytes))
		case 2:
			hashes = append(hashes, string(bytes))
		case 3:
			messages = append(messages, bytes)
		}
	})
	if err != nil {
		return nil, true, err
	}
	for i, m := range messages {
		var key, hash uint64
		var r subRecord
		has := ""
		err := fields(m, func(number int, value uint64, bytes []byte) {
			switch number {
			case 1:
				key, has = value, has+"k"
			case 2:
				hash, has = value, has+"h"
			case 3:
				r.data, has = bytes, has+"d"
			}
		})
		switch {
		case err != nil:
			return nil, true, fmt.Errorf("record %d: %w", i, err)
		case !strings.Contains(has, "k") || !strings.Contains(has, "d"):
			return nil, true, fmt.Errorf("record %d: it has the fields %q, and key and data are required", i, has)
		case key >= uint64(len(keys)) || strings.Contains(has, "h") && hash >= uint64(len(hashes)):
			return nil, true, fmt.Errorf("record %d: key %d or hash key %d is not in a table", i, key, hash)
		}
		r.key = keys[key]
		if strings.Contains(has, "h") {
			r.hash = hashes[hash]
		}
		records = append(records, r)
	}
	return records, true, nil
}

// fields calls f with each field of a message of protocol buffers: value for one of
// the wire type VARINT, bytes for LEN.
func fields(message []byte, f func(number int, value uint64, bytes []byte)) error {
	varint := func() (uint64, error) {
		v, n := binary.Uvarint(message)
		if n <= 0 {
			return 0, errors.New("a number breaks off")
		}
		message = message[n:]
		return v, nil
	}
	for len(message) > 0 {
		tag, err := varint()
		if err != nil {
			return err
		}
		value, size := uint64(0), uint64(0)
		switch tag & 7 {
		case 0:
			value, err = varint()
		case 1:
			size = 8
		case 2:
			size, err = varint()
		case 5:
			size = 4
		default:
			err = fmt.Errorf("the wire type %d is none", tag&7)
		}
		if err != nil {
			return err
		}
		if size > uint64(len(message)) {
			return errors.New("a field breaks off")
		}
		f(int(tag>>3), value, message[:size])
		message = message[size:]
	}
	return nil
}
