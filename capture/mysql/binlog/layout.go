package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tailrace/tailrace/event"
)

var errImage = errors.New("a row image is shorter than its columns")

// A Layout cuts the row images of a table. It is made once for each table map,
// is immutable, and serves any goroutine.
type Layout struct {
	cells []cell
	steps []step // the columns of an image without NULL
	tail  int    // bytes of fixed columns behind the last step
	nulls int    // bytes of the bitmap of an image with all columns
	mask  uint64 // bits of the columns in the first word of the bitmap
}

// A cell is how long a value is: width bytes, or as many as the prefix bytes
// before it say.
type cell struct {
	width, prefix uint8
}

// A step is a run of columns of fixed width, and a column with a prefix.
type step struct {
	fixed  uint32
	prefix uint8
}

// NewLayout returns the layout of images of the given columns. A type whose
// length is not known is an error that names the column's index and the type.
func NewLayout(columns []Column) (*Layout, error) {
	l := &Layout{cells: make([]cell, len(columns)), nulls: (len(columns) + 7) / 8}
	fixed := 0
	for i := range columns {
		c, ok := columns[i].cell()
		if !ok {
			return nil, fmt.Errorf("column %d is of type %d, which is not read", i, columns[i].Type)
		}
		l.cells[i] = c
		fixed += int(c.width)
		if c.prefix > 0 {
			l.steps = append(l.steps, step{uint32(fixed), c.prefix})
			fixed = 0
		}
	}
	l.tail = fixed
	l.mask = 1<<min(len(columns), 63) - 1
	if len(columns) >= 64 {
		l.mask = ^uint64(0)
	}
	return l, nil
}

// cell returns how long a column's values are (MySQL: calc_field_size, MariaDB
// the same).
func (column *Column) cell() (c cell, ok bool) {
	switch column.Type {
	case TypeTiny, TypeYear:
		c.width = 1
	case TypeShort:
		c.width = 2
	case TypeInt24, TypeDate, TypeTime:
		c.width = 3
	case TypeLong, TypeFloat, TypeTimestamp:
		c.width = 4
	case TypeLonglong, TypeDouble, TypeDatetime:
		c.width = 8
	case TypeTimestamp2:
		c.width = 4 + uint8(column.Meta+1)/2
	case TypeDatetime2:
		c.width = 5 + uint8(column.Meta+1)/2
	case TypeTime2:
		c.width = 3 + uint8(column.Meta+1)/2
	case TypeNewDecimal:
		c.width = decimalWidth(column.Meta>>8, column.Meta&0xff)
	case TypeBit:
		c.width = uint8((column.Meta + 7) / 8)
	case TypeEnum, TypeSet:
		c.width = uint8(column.Meta)
	case TypeString, TypeVarchar, TypeVarString, TypeVarcharCompressed:
		c.prefix = 1
		if column.Meta > 255 {
			c.prefix = 2
		}
	case TypeBlob, TypeJSON, TypeGeometry, TypeVector, TypeBlobCompressed:
		c.prefix = uint8(column.Meta)
		return c, c.prefix >= 1 && c.prefix <= 4
	default:
		return cell{}, false
	}
	return c, true
}

// decimalWidth returns the bytes of a DECIMAL: 4 for each 9 digits before and
// behind the point, and fewer for the rest of either (MySQL: decimal2bin).
func decimalWidth(precision, scale uint16) uint8 {
	rest := [9]uint16{0, 1, 1, 2, 2, 3, 3, 4, 4}
	whole := precision - scale
	return uint8(whole/9*4 + rest[whole%9] + scale/9*4 + rest[scale%9])
}

// Skip returns the length of the row image at the start of data, with its bitmap
// of NULLs. present has a bit for each column that is in the image, and at least
// as many as there are columns; nil means all. Data that ends before the image
// is an error.
func (l *Layout) Skip(present, data []byte) (int, error) {
	nulls, ok := l.whole(present, data)
	if !ok {
		return l.walk(present, data, nil)
	}
	if nulls != 0 {
		return l.skip(nulls, data)
	}
	pos := l.nulls
	for _, s := range l.steps {
		pos += int(s.fixed)
		n, ok := length(data, pos, s.prefix)
		if !ok {
			return 0, errImage
		}
		pos += int(s.prefix) + n
	}
	if pos += l.tail; pos > len(data) {
		return 0, errImage
	}
	return pos, nil
}

// Cut sets row to the values of the row image at the start of data and returns
// the image's length, as Skip does. A value is Absent if the image does not have
// its column, else NULL or Present with its bytes behind the length prefix. They
// point into data. row must have one value for each column.
func (l *Layout) Cut(present, data []byte, row event.Row) (int, error) {
	row = row[:len(l.cells):len(l.cells)]
	if nulls, ok := l.whole(present, data); ok {
		return l.cut(nulls, data, row)
	}
	return l.walk(present, data, row)
}

// whole returns the bitmap of NULLs of an image that has all columns. ok is false
// for what is too rare to be made fast: an image without a column, one of more
// than 64, or of less than 8 bytes.
func (l *Layout) whole(present, data []byte) (nulls uint64, ok bool) {
	if present != nil || l.nulls > 8 || len(data) < 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(data) & l.mask, true
}

// skip is Skip of a whole image with NULLs.
func (l *Layout) skip(nulls uint64, data []byte) (int, error) {
	pos := l.nulls
	for i := range l.cells {
		null := nulls&1 != 0
		nulls >>= 1
		if null {
			continue
		}
		c := l.cells[i]
		if c.prefix == 0 {
			pos += int(c.width)
			continue
		}
		n, ok := length(data, pos, c.prefix)
		if !ok {
			return 0, errImage
		}
		pos += int(c.prefix) + n
	}
	if pos > len(data) {
		return 0, errImage
	}
	return pos, nil
}

// cut is Cut of a whole image.
func (l *Layout) cut(nulls uint64, data []byte, row event.Row) (int, error) {
	pos := l.nulls
	for i := range row {
		v := &row[i]
		null := nulls&1 != 0
		nulls >>= 1
		if null {
			v.Raw, v.State = nil, event.Null
			continue
		}
		c := l.cells[i]
		n := int(c.width)
		if c.prefix != 0 {
			var ok bool
			if n, ok = length(data, pos, c.prefix); !ok {
				return 0, errImage
			}
			pos += int(c.prefix)
		}
		end := pos + n
		if end > len(data) {
			return 0, errImage
		}
		v.Raw, v.State = data[pos:end:end], event.Present
		pos = end
	}
	return pos, nil
}

// length reads the prefix at pos, of a value that may end behind data.
func length(data []byte, pos int, prefix uint8) (n int, ok bool) {
	if pos <= len(data)-4 {
		return int(binary.LittleEndian.Uint32(data[pos:]) << (32 - 8*prefix) >> (32 - 8*prefix)), true
	}
	return lastLength(data, pos, prefix)
}

// lastLength is length of a prefix with less than four bytes to the end of data.
func lastLength(data []byte, pos int, prefix uint8) (n int, ok bool) {
	if pos > len(data)-int(prefix) {
		return 0, false
	}
	for i := range int(prefix) {
		n |= int(data[pos+i]) << (8 * i)
	}
	return n, true
}

// walk is Cut of any image, and Skip where row is nil.
func (l *Layout) walk(present, data []byte, row event.Row) (int, error) {
	pos := l.nulls
	if present != nil {
		pos = (count(present, len(l.cells)) + 7) / 8
	}
	if pos > len(data) {
		return 0, errImage
	}
	nulls, k := data[:pos], 0
	for i, c := range l.cells {
		var v event.Value
		if present == nil || present[i/8]>>(i%8)&1 != 0 {
			v.State = event.Null
			if nulls[k/8]>>(k%8)&1 == 0 {
				v.State = event.Present
				n := int(c.width)
				if c.prefix != 0 {
					var ok bool
					if n, ok = length(data, pos, c.prefix); !ok {
						return 0, errImage
					}
					pos += int(c.prefix)
				}
				if n > len(data)-pos {
					return 0, errImage
				}
				v.Raw = data[pos : pos+n : pos+n]
				pos += n
			}
			k++
		}
		if row != nil {
			row[i] = v
		}
	}
	return pos, nil
}

// count returns how many of the first n bits are set.
func count(bitmap []byte, n int) int {
	set := 0
	for i := range n {
		set += int(bitmap[i/8] >> (i % 8) & 1)
	}
	return set
}
