package quote

import (
	"math"
	"math/bits"
	"strconv"
)

// fives holds powers of five, as many as AppendFloat needs.
var fives = func() (p [23]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 5 * p[i-1]
	}
	return p
}()

// AppendFloat appends a finite f in decimal digits without exponent, the fewest
// that read back as the same 64 bits, or 32, which f must be then: it is
// strconv.AppendFloat with the format 'f' and the precision -1, but faster from
// 2^-20 to 2^52, or 2^23 of 32 bits, where most numbers lie.
//
// There f is m / 2^s, and what reads back as f lies between (2m-1) / 2^(s+1) and
// (2m+1) / 2^(s+1). With the fewest decimal places p for which 10^p > 2^s, these
// are, in units of the last place, at least 1 and less than 10 apart. So at most
// one multiple of 10 lies between them, and if there is one, the fewest digits
// are its; else they are those of the whole number that is nearest to f. All of
// it is exact in 128 bits, as 10^p / 2^(s+1) = 5^p / 2^(s+1-p). No bound is a whole
// number itself: an odd number is not divided by 2.
func AppendFloat(dst []byte, f float64, size int) []byte {
	const (
		mantissa = 52
		bias     = 1023
		smallest = -20 // 5^p has to fit
	)
	drop := 0 // bits that f has as one of 64 bits only
	if size == 32 {
		drop = mantissa - 23
	}
	b := math.Float64bits(f)
	exponent := int(b>>mantissa&(1<<11-1)) - bias
	m := b & (1<<mantissa - 1)
	s := mantissa - drop - exponent
	// A power of two has another distance to the number below it.
	if exponent < smallest || s < 1 || m == 0 {
		return strconv.AppendFloat(dst, f, 'f', -1, size)
	}
	if b>>63 != 0 {
		dst = append(dst, '-')
	}
	m = (m | 1<<mantissa) >> drop
	// Rounding never reaches another whole number: that is a float of its own.
	whole := m >> uint(s)
	dst = AppendUint(dst, whole)
	if bits.TrailingZeros64(m) >= s {
		return dst
	}
	p := s*1233>>12 + 1 // 1233/4096 is the logarithm of 2
	five, shift := fives[p], uint(s+1-p)
	low, high := shifted(2*m-1, five, shift), shifted(2*m+1, five, shift)
	d := high / 10 * 10
	if d <= low {
		d = nearest(2*m, five, shift)
	}
	dst = AppendPadded(append(dst, '.'), d-whole*(five<<p), p)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// shifted returns a*b / 2^shift without what is behind the point.
func shifted(a, b uint64, shift uint) uint64 {
	high, low := bits.Mul64(a, b)
	return high<<(64-shift) | low>>shift
}

// nearest is shifted, but rounds, halves to the even number.
func nearest(a, b uint64, shift uint) uint64 {
	d := shifted(a, b, shift)
	rest, half := a*b&(1<<shift-1), uint64(1)<<(shift-1)
	if rest > half || rest == half && d&1 != 0 {
		d++
	}
	return d
}
