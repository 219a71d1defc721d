package gtid

import (
	"encoding/binary"
	"errors"
)

// The binary form of a set begins with the number of its origins. Where one of
// them has a tag, that number stands in the middle six of its eight bytes and
// the outer two are 1; then each UUID is followed by its tag
// (rpl_gtid_set.cc: encode_nsids_format).
const (
	countSize    = 8
	uuidSize     = 16
	intervalSize = 16
	formatTagged = 1
)

var errCutOff = errors.New("a set of GTIDs is cut off")

// Encode appends the binary form of s, as COM_BINLOG_DUMP_GTID takes it. tagged
// says that the server knows tags (MySQL 8.3); without, what has one is left
// out. As the server does, the form with tags is written only where there are
// some: a set without is understood by every version.
func (s *Set) Encode(dst []byte, tagged bool) []byte {
	var count uint64
	var tags bool
	if s == nil {
		return binary.LittleEndian.AppendUint64(dst, 0)
	}
	for i := range s.origins {
		if has := s.origins[i].src.Tag != ""; tagged || !has {
			count++
			tags = tags || has
		}
	}
	if tags {
		count = formatTagged<<56 | count<<8 | formatTagged
	}
	dst = binary.LittleEndian.AppendUint64(dst, count)
	for i := range s.origins {
		o := &s.origins[i]
		if o.src.Tag != "" && !tagged {
			continue
		}
		dst = append(dst, o.src.UUID[:]...)
		if tags {
			// A length below 64 takes one byte, shifted by the bit that says so.
			dst = append(append(dst, byte(len(o.src.Tag))<<1), o.src.Tag...)
		}
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(o.spans)))
		for _, a := range o.spans {
			dst = binary.LittleEndian.AppendUint64(dst, a.first)
			dst = binary.LittleEndian.AppendUint64(dst, a.end)
		}
	}
	return dst
}

// Decode reads the binary form of a set: the body of a PREVIOUS_GTIDS_EVENT,
// without header and checksum. What it allocates is bounded by the bytes that
// are there. b is not kept.
func Decode(b []byte) (*Set, error) {
	if len(b) < countSize {
		return nil, errCutOff
	}
	count := binary.LittleEndian.Uint64(b)
	tagged := false
	switch format := count >> 56; format {
	case 0:
	case formatTagged:
		tagged, count = true, count<<8>>16
	default:
		return nil, errors.New("a set of GTIDs has an unknown format")
	}
	b = b[countSize:]
	s := &Set{}
	for ; count > 0; count-- {
		var err error
		if b, err = s.decodeOrigin(b, tagged); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, errors.New("a set of GTIDs has bytes behind its end")
	}
	return s, nil
}

// decodeOrigin adds the origin at the start of b and returns what follows it.
func (s *Set) decodeOrigin(b []byte, tagged bool) ([]byte, error) {
	if len(b) < uuidSize {
		return nil, errCutOff
	}
	src := Source{UUID: [16]byte(b)}
	b = b[uuidSize:]
	if tagged {
		if len(b) == 0 {
			return nil, errCutOff
		}
		n := int(b[0] >> 1)
		if b[0]&1 != 0 || n > maxTag { // lengths from 64 on take more bytes
			return nil, errors.New("a tag is too long")
		}
		if b = b[1:]; len(b) < n {
			return nil, errCutOff
		}
		if n > 0 && !validTag(b[:n]) {
			return nil, errors.New("a tag has letters that no tag has")
		}
		src.Tag, b = string(b[:n]), b[n:]
	}
	if len(b) < countSize {
		return nil, errCutOff
	}
	count := binary.LittleEndian.Uint64(b)
	b = b[countSize:]
	if count > uint64(len(b)/intervalSize) {
		return nil, errCutOff
	}
	for last := uint64(0); count > 0; count-- {
		a := span{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
		if a.first <= last || a.end <= a.first || a.end > maxNumber+1 {
			return nil, errors.New("the intervals of a set of GTIDs are not in order")
		}
		s.addSpan(src, a)
		last, b = a.end, b[intervalSize:]
	}
	return b, nil
}
