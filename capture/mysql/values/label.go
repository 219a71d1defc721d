package values

import (
	"fmt"
	"math/bits"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// maxSetLabels is how many labels a SET has at most: it is a number of 64 bits.
const maxSetLabels = 64

// A label is one of a column's labels as it goes into an event.
type label struct {
	text   []byte
	json   []byte // the content of a JSON string
	quoted *quote.Fixed
}

func newLabel(text []byte) label {
	json := quote.AppendJSONContent(nil, text)
	return label{text, json, quote.NewFixed(`"` + string(json) + `"`)}
}

// noLabel is the error value of an enum.
var noLabel = newLabel(nil)

func resolveLabels(c binlog.Column, o Options) (schema.Codec, schema.Kind, error) {
	name, most := "enum", 2
	if c.Type == binlog.TypeSet {
		name, most = "set", 8
	}
	if c.Labels == nil {
		return nil, "", fmt.Errorf("the log does not tell the labels of the %s", name)
	}
	if c.Meta < 1 || int(c.Meta) > most {
		return nil, "", fmt.Errorf("a number of %d bytes for the %s is not known", c.Meta, name)
	}
	set, err := charsetOf(c.Charset)
	if err != nil {
		return nil, "", err
	}
	// A label of the character set binary is text all the same.
	text := set.codec(o.ReplaceInvalid)
	labels := make([]label, len(c.Labels))
	for i, raw := range c.Labels {
		t, err := text.AppendText(nil, raw)
		if err != nil {
			return nil, "", fmt.Errorf("label %d of the %s has characters without a UTF-8 form", i+1, name)
		}
		labels[i] = newLabel(t)
	}
	width := int(c.Meta)
	if c.Type == binlog.TypeEnum {
		return &enum{labels: labels, width: width}, schema.Enum, nil
	}
	if len(labels) > maxSetLabels {
		return nil, "", fmt.Errorf("a set of %d labels is not known", len(labels))
	}
	return &labelSet{labels: labels, width: width}, schema.String, nil
}

// enum is its label. The log holds the label's number from 1, little endian; 0
// stands for the error value, which MySQL shows as "".
type enum struct {
	sameBytes
	labels []label
	width  int
}

func (c *enum) AppendJSON(dst, raw []byte) ([]byte, error) {
	l, err := c.label(raw)
	if err != nil {
		return dst, err
	}
	return l.quoted.Append(dst), nil
}

func (c *enum) AppendText(dst, raw []byte) ([]byte, error) {
	l, err := c.label(raw)
	if err != nil {
		return dst, err
	}
	return append(dst, l.text...), nil
}

func (c *enum) label(raw []byte) (*label, error) {
	n := littleEndian(raw)
	switch {
	case len(raw) != c.width || n > uint64(len(c.labels)):
		return nil, malformed("enum")
	case n == 0:
		return &noLabel, nil
	}
	return &c.labels[n-1], nil
}

// labelSet is its labels in the order of their declaration, joined by commas. The
// log holds a bit for each, little endian.
type labelSet struct {
	sameBytes
	labels []label
	width  int
}

func (c *labelSet) AppendJSON(dst, raw []byte) ([]byte, error) {
	set, err := c.bits(raw)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	for ; set != 0; set &= set - 1 {
		dst = append(dst, c.labels[bits.TrailingZeros64(set)].json...)
		if set&(set-1) != 0 {
			dst = append(dst, ',')
		}
	}
	return append(dst, '"'), nil
}

func (c *labelSet) AppendText(dst, raw []byte) ([]byte, error) {
	set, err := c.bits(raw)
	if err != nil {
		return dst, err
	}
	for ; set != 0; set &= set - 1 {
		dst = append(dst, c.labels[bits.TrailingZeros64(set)].text...)
		if set&(set-1) != 0 {
			dst = append(dst, ',')
		}
	}
	return dst, nil
}

func (c *labelSet) bits(raw []byte) (uint64, error) {
	set := littleEndian(raw)
	if len(raw) != c.width || bits.Len64(set) > len(c.labels) {
		return 0, malformed("set")
	}
	return set, nil
}

// littleEndian reads up to 8 bytes.
func littleEndian(b []byte) (v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}
