package values

import "encoding/base64"

// base64Bytes is padded standard base64.
type base64Bytes struct{ sameBytes }

func (base64Bytes) AppendJSON(dst, raw []byte) ([]byte, error) {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), raw), '"'), nil
}

func (base64Bytes) AppendText(dst, raw []byte) ([]byte, error) {
	return base64.StdEncoding.AppendEncode(dst, raw), nil
}

// maxBinary is the widest BINARY.
const maxBinary = 255

// padded is base64 of a BINARY. The log leaves zero bytes at its end out, as it
// does with the spaces of CHAR, but here they are part of the value.
type padded struct {
	sameBytes
	width int
}

func (c padded) AppendJSON(dst, raw []byte) ([]byte, error) {
	start := len(dst)
	dst, err := c.AppendText(append(dst, '"'), raw)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '"'), nil
}

func (c padded) AppendText(dst, raw []byte) ([]byte, error) {
	var whole [maxBinary]byte
	switch {
	case len(raw) > c.width:
		return dst, malformed("binary")
	case len(raw) < c.width:
		copy(whole[:], raw)
		raw = whole[:c.width]
	}
	return base64.StdEncoding.AppendEncode(dst, raw), nil
}
