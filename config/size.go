package config

import (
	"errors"
	"math"
	"strconv"
)

// A Size is a number of bytes.
type Size int64

// sizeUnits are in the order in which String tries the binary ones.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"KB", 1e3},
	{"B", 1},
	{"", 1},
}

// ParseSize reads a whole number of bytes, with one of the units B, KiB, MiB,
// GiB, kB, MB and GB or without. The error says what is expected and quotes
// nothing.
func ParseSize(text string) (Size, error) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	for _, unit := range sizeUnits {
		if text[digits:] != unit.name {
			continue
		}
		n, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil || n > math.MaxInt64/unit.bytes {
			break
		}
		return Size(n * unit.bytes), nil
	}
	return 0, errors.New("a size is a whole number of bytes or of KiB, MiB, GiB, kB, MB or GB, such as 256MiB")
}

// String returns the shortest exact form in binary units.
func (s Size) String() string {
	for _, unit := range sizeUnits[:3] {
		if s != 0 && int64(s)%unit.bytes == 0 {
			return strconv.FormatInt(int64(s)/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
