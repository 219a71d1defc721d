package verify

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
)

// A userRecord is one of those that the Kinesis Producer Library packs into a
// record.
type userRecord struct {
	partitionKey, hashKey string
	data                  []byte
}

// aggregateMagic begins each aggregated record.
var aggregateMagic = []byte{0xf3, 0x89, 0x9a, 0xc2}

// errNoAggregate says that a record is not aggregated: it is to be read as it is.
var errNoAggregate = errors.New("it is no aggregated record")

// deaggregate splits a record as the Kinesis Client Library does, by the format's
// description: magic number, the message AggregatedRecord, its MD5. It shares
// nothing with the code that packs. What looks like an aggregate and is not whole
// is an error other than errNoAggregate.
func deaggregate(record []byte) ([]userRecord, error) {
	message, ok := bytes.CutPrefix(record, aggregateMagic)
	if !ok {
		return nil, errNoAggregate
	}
	if len(message) < md5.Size {
		return nil, errors.New("an aggregate has no room for its checksum")
	}
	message, sum := message[:len(message)-md5.Size], message[len(message)-md5.Size:]
	if md5.Sum(message) != [md5.Size]byte(sum) {
		return nil, errors.New("an aggregate has not the checksum that it says")
	}
	const partitionKeyTable, hashKeyTable, records = 1, 2, 3
	var keys, hashes []string
	var packed [][]byte
	err := fields(message, func(number int, _ uint64, text []byte) error {
		switch number {
		case partitionKeyTable:
			keys = append(keys, string(text))
		case hashKeyTable:
			hashes = append(hashes, string(text))
		case records:
			packed = append(packed, text)
		default:
			return fmt.Errorf("an aggregate has the unknown field %d", number)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []userRecord
	for _, text := range packed {
		r, err := userRecordOf(text, keys, hashes)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// userRecordOf reads a message Record, whose keys are places in the two tables.
func userRecordOf(message []byte, keys, hashes []string) (userRecord, error) {
	const partitionKey, hashKey, data, tags = 1, 2, 3, 4
	var r userRecord
	keyed := false
	err := fields(message, func(number int, n uint64, text []byte) error {
		switch {
		case number == partitionKey && n < uint64(len(keys)):
			r.partitionKey, keyed = keys[n], true
		case number == hashKey && n < uint64(len(hashes)):
			r.hashKey = hashes[n]
		case number == data:
			r.data = text
		case number == tags:
		default:
			return fmt.Errorf("the field %d of a record in an aggregate names nothing", number)
		}
		return nil
	})
	if err == nil && (!keyed || r.data == nil) {
		err = errors.New("a record in an aggregate has no partition key or no data")
	}
	return r, err
}

// fields calls f for each field of a message of protocol buffers, with its number
// or with its bytes.
func fields(message []byte, f func(number int, n uint64, text []byte) error) error {
	torn := errors.New("a message in an aggregate is torn")
	const varint, delimited = 0, 2
	for len(message) > 0 {
		tag, size := binary.Uvarint(message)
		if size <= 0 {
			return torn
		}
		message = message[size:]
		n, size := binary.Uvarint(message)
		if size <= 0 {
			return torn
		}
		message = message[size:]
		var text []byte
		switch tag & 7 {
		case varint:
		case delimited:
			if n > uint64(len(message)) {
				return torn
			}
			text, message = message[:n:n], message[n:]
		default:
			return fmt.Errorf("a field in an aggregate has the wire type %d", tag&7)
		}
		if err := f(int(tag>>3), n, text); err != nil {
			return err
		}
	}
	return nil
}
