package values

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"
	"sync"

	"github.com/tailrace/tailrace/schema"
)

// compressed is MariaDB's COMPRESSED attribute around text or bytes. An empty
// value is empty. Else the first byte is 0 and the value follows, or it is 0x80
// with the number of bytes of the value's length in its low three bits, and 8
// added if the deflate stream has no zlib header; then come the length, big
// endian, and the stream (MariaDB: sql/field_comp.cc).
type compressed struct{ schema.Codec }

func (c compressed) AppendJSON(dst, raw []byte) ([]byte, error) {
	return inflated(dst, raw, c.Codec.AppendJSON)
}

func (c compressed) AppendText(dst, raw []byte) ([]byte, error) {
	return inflated(dst, raw, c.Codec.AppendText)
}

const (
	methodZlib   = 0x80
	methodMask   = 0xf0
	withoutWrap  = 0x08
	lengthMask   = 0x07
	maxInflation = 1032 // no deflate stream grows by more
)

func inflated(dst, raw []byte, appendTo func(dst, raw []byte) ([]byte, error)) ([]byte, error) {
	switch {
	case len(raw) == 0:
		return appendTo(dst, raw)
	case raw[0] == 0:
		return appendTo(dst, raw[1:])
	case raw[0]&methodMask != methodZlib:
		return dst, malformed("compressed")
	}
	n := int(raw[0] & lengthMask)
	if n < 1 || n > 4 || len(raw) < 1+n {
		return dst, malformed("compressed")
	}
	length := 0
	for _, b := range raw[1 : 1+n] {
		length = length<<8 | int(b)
	}
	stream := raw[1+n:]
	if length > maxInflation*len(stream) {
		return dst, malformed("compressed")
	}
	i := inflaters.Get().(*inflater)
	defer inflaters.Put(i)
	value, ok := i.inflate(stream, length, raw[0]&withoutWrap == 0)
	if !ok {
		return dst, malformed("compressed")
	}
	return appendTo(dst, value)
}

// An inflater is the memory of one decompression, which is far larger than the
// values are.
type inflater struct {
	input   bytes.Reader
	output  bytes.Buffer
	wrapped io.ReadCloser // nil until there was a stream with a valid header
	plain   io.ReadCloser
}

var inflaters = sync.Pool{New: func() any { return &inflater{plain: flate.NewReader(nil)} }}

// maxKept is how much output an inflater keeps for the next value.
const maxKept = 1 << 20

// inflate returns the length bytes that are compressed in stream. They are good
// until the inflater is used again.
func (i *inflater) inflate(stream []byte, length int, wrapped bool) ([]byte, bool) {
	i.input.Reset(stream)
	if i.output.Cap() > maxKept {
		i.output = bytes.Buffer{}
	}
	i.output.Reset()
	r, err := i.reader(wrapped)
	if err != nil {
		return nil, false
	}
	// One byte more shows both the end and its checksum.
	n, err := io.Copy(&i.output, io.LimitReader(r, int64(length)+1))
	return i.output.Bytes(), err == nil && n == int64(length)
}

func (i *inflater) reader(wrapped bool) (io.Reader, error) {
	if !wrapped {
		return i.plain, i.plain.(flate.Resetter).Reset(&i.input, nil)
	}
	if i.wrapped != nil {
		return i.wrapped, i.wrapped.(zlib.Resetter).Reset(&i.input, nil)
	}
	r, err := zlib.NewReader(&i.input)
	if err != nil {
		return nil, err
	}
	i.wrapped = r
	return r, nil
}
