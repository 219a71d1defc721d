package binlog

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// ErrTooLarge says that something packed is longer than the caller's limit once
// it is unpacked.
var ErrTooLarge = errors.New("it is larger than the limit")

// Inflate appends to dst what MariaDB has compressed: the Data of Rows that are
// Compressed (MariaDB: binlog_buf_compress). The length that the data declares
// is held against limit before anything is unpacked (ErrTooLarge), and must be
// what comes out; memory is taken as the bytes come.
func Inflate(dst, body []byte, limit int) ([]byte, error) {
	return inflate(dst, body, limit, WriteRowsCompressedV1)
}

const (
	compressedMark  = 0x80
	algorithmBits   = 0x70 // 0 is zlib, and there is no other
	lengthBytesBits = 0x07
)

// inflaters keeps readers, which have 40 KiB each.
var inflaters sync.Pool

func inflate(dst, body []byte, limit int, t EventType) ([]byte, error) {
	c := cursor{b: body}
	first := c.uint8("form of the compressed data")
	width := first & lengthBytesBits
	if first&compressedMark == 0 || first&algorithmBits != 0 || width == 0 || width > 4 {
		c.fail("form of the compressed data")
	}
	var declared int
	for _, b := range c.take(uint64(width), "length of the compressed data") {
		declared = declared<<8 | int(b)
	}
	if err := c.err(t); err != nil {
		return dst, err
	}
	if declared > limit {
		return dst, fmt.Errorf("%s: of %d bytes, and the limit is %d: %w", t, declared, limit, ErrTooLarge)
	}
	r, err := inflater(c.b)
	if err != nil {
		return dst, fmt.Errorf("%s: unpack: %w", t, err)
	}
	defer inflaters.Put(r)
	start := len(dst)
	for len(dst)-start <= declared { // one byte more, to see that there is none
		dst = slices.Grow(dst, 512)
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return dst[:start], fmt.Errorf("%s: unpack: %w", t, err)
		}
	}
	if len(dst)-start != declared {
		return dst[:start], fmt.Errorf("%s: unpack: another length than the declared %d bytes", t, declared)
	}
	return dst, nil
}

func inflater(b []byte) (io.ReadCloser, error) {
	if r, ok := inflaters.Get().(io.ReadCloser); ok {
		return r, r.(zlib.Resetter).Reset(bytes.NewReader(b), nil)
	}
	return zlib.NewReader(bytes.NewReader(b))
}
