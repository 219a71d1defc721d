package kinesis

import (
	"crypto/md5"
	"encoding/binary"
	"math/bits"
)

// The format of an aggregated record is described in "KPL Aggregated Record
// Format" of the Kinesis Producer Library: a magic number, a message AggregatedRecord
// of protocol buffers, and its MD5.
//
//	message AggregatedRecord {
//	  repeated string partition_key_table     = 1;
//	  repeated string explicit_hash_key_table = 2;
//	  repeated Record records                 = 3;
//	}
//	message Record {
//	  required uint64 partition_key_index     = 1;
//	  optional uint64 explicit_hash_key_index = 2;
//	  required bytes  data                    = 3;
//	}
//
// All records in one have the lane's hash key. The Kinesis Client Library throws
// away a whole aggregate when one of them belongs to another shard, as it would
// after a split.
const (
	magic = "\xf3\x89\x9a\xc2"

	// Tags of fields: number and wire type, which is 0 of an index.
	keyTable    = 1<<3 | 2
	hashTable   = 2<<3 | 2
	recordField = 3<<3 | 2
	keyIndex    = 1 << 3
	hashIndex   = 2 << 3
	dataField   = 3<<3 | 2
)

// hashDigits is the most that an explicit hash key has: 2^128 has 39.
const hashDigits = 39

// aggregateSize is at most what an aggregate takes beside its records.
func aggregateSize(key string) int {
	return len(magic) + 2 + len(key) + 2 + hashDigits + md5.Size
}

// aggregatedSize is what a record with data of n bytes takes in an aggregate.
func aggregatedSize(n int) int {
	inner := innerSize(n)
	return 1 + varintSize(inner) + inner
}

// innerSize is that of a message Record: its two indexes are 0.
func innerSize(n int) int { return 2 + 2 + 1 + varintSize(n) + n }

func varintSize(n int) int { return (bits.Len(uint(n|1)) + 6) / 7 }

// appendAggregate appends the aggregate of entries, each followed by a line
// break.
func appendAggregate(dst []byte, entries []entry, at *point) []byte {
	dst = append(dst, magic...)
	start := len(dst)
	dst = appendString(dst, keyTable, at.name)
	dst = appendString(dst, hashTable, at.text)
	for _, e := range entries {
		n := e.size() + 1
		dst = append(dst, recordField)
		dst = binary.AppendUvarint(dst, uint64(innerSize(n)))
		dst = append(dst, keyIndex, 0, hashIndex, 0, dataField)
		dst = binary.AppendUvarint(dst, uint64(n))
		dst = append(dst, e.bytes()...)
		dst = append(dst, '\n')
	}
	sum := md5.Sum(dst[start:])
	return append(dst, sum[:]...)
}

func appendString(dst []byte, tag byte, s string) []byte {
	dst = append(dst, tag, byte(len(s)))
	return append(dst, s...)
}
