// Package murmur2 is the hash by which Kafka's Java client chooses partitions.
package murmur2

import "encoding/binary"

// Sum returns the 32-bit murmur2 hash of key with the seed of Kafka's
// org.apache.kafka.common.utils.Utils.murmur2, made non-negative as its
// partitioner does.
func Sum(key []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		h = h*m ^ (k^k>>r)*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h = (h ^ h>>13) * m
	return (h ^ h>>15) & 0x7fffffff
}
