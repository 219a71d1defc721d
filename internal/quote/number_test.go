package quote_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/quote"
)

// checkUint holds the digits of v against strconv's, in room that is there and in
// none.
func checkUint(t *testing.T, v uint64) {
	t.Helper()
	for _, room := range []int{0, 64} {
		dst := append(make([]byte, 0, 4+room), "head"...)
		if got, want := string(quote.AppendUint(dst, v)), "head"+strconv.FormatUint(v, 10); got != want {
			t.Fatalf("AppendUint with %d bytes of room = %s, want %s", room, got, want)
		}
		if got, want := string(quote.AppendInt(dst, int64(v))), "head"+strconv.FormatInt(int64(v), 10); got != want {
			t.Fatalf("AppendInt with %d bytes of room = %s, want %s", room, got, want)
		}
	}
}

func TestWholeNumbersHaveTheDigitsOfStrconv(t *testing.T) {
	for v := range uint64(20_000) {
		checkUint(t, v)
		checkUint(t, -v)
	}
	for power := uint64(1); ; power *= 10 {
		for _, v := range []uint64{power - 1, power, power + 1, 9 * power} {
			checkUint(t, v)
		}
		if power > math.MaxUint64/10 {
			break
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkUint(t, random.Uint64()>>random.IntN(64))
	}
	for _, v := range []uint64{math.MaxUint64, math.MaxInt64, 1 << 63} {
		checkUint(t, v)
	}
}

func TestPaddedNumbersHaveZerosBeforeThem(t *testing.T) {
	for n := 1; n <= 19; n++ {
		most := uint64(math.Pow10(n)) - 1
		for _, v := range []uint64{0, 7, most / 3, most} {
			want := strconv.FormatUint(v, 10)
			want = strings.Repeat("0", n-len(want)) + want
			if got := string(quote.AppendPadded(nil, v, n)); got != want {
				t.Errorf("AppendPadded(%d, %d) = %s, want %s", v, n, got, want)
			}
		}
	}
}

// checkFloat holds f, and the nearest number of 32 bits, against strconv.
func checkFloat(t *testing.T, f float64) {
	t.Helper()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return
	}
	if got, want := string(quote.AppendFloat([]byte("head"), f, 64)), "head"+strconv.FormatFloat(f, 'f', -1, 64); got != want {
		t.Fatalf("AppendFloat(%x) = %s, want %s", math.Float64bits(f), got, want)
	}
	f = float64(float32(f))
	if math.IsInf(f, 0) {
		return
	}
	if got, want := string(quote.AppendFloat([]byte("head"), f, 32)), "head"+strconv.FormatFloat(f, 'f', -1, 32); got != want {
		t.Fatalf("AppendFloat(%x) of 32 bits = %s, want %s", math.Float64bits(f), got, want)
	}
}

func TestFloatsHaveTheDigitsOfStrconv(t *testing.T) {
	around := func(f float64) {
		for _, v := range []float64{f, math.Nextafter(f, 0), math.Nextafter(f, 2*f), float64(math.Nextafter32(float32(f), 0)), float64(math.Nextafter32(float32(f), float32(2*f)))} {
			checkFloat(t, v)
			checkFloat(t, -v)
		}
	}
	around(0)
	for exponent := -80; exponent <= 80; exponent++ {
		power := math.Ldexp(1, exponent)
		for _, part := range []float64{1, 1.125, 1.25, 1.5, 1.75} {
			around(part * power)
		}
		for low := range 64 { // few bits, and all but a few
			around(power * (1 + math.Ldexp(float64(low), -52)))
			around(power * (2 - math.Ldexp(float64(low), -52)))
			around(power * (1 + float64(low)/64))
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		// Any number whose exponent is near the range, and decimals of few places.
		checkFloat(t, math.Float64frombits(random.Uint64()&^(0x7ff<<52)|uint64(990+random.IntN(100))<<52))
		checkFloat(t, float64(float32(math.Float64frombits(random.Uint64()&^(0x7ff<<52)|uint64(990+random.IntN(100))<<52))))
		places := random.IntN(18)
		checkFloat(t, float64(random.Uint64()>>(11+random.IntN(50)))/math.Pow10(places))
		// A half of the last place: what lies between two is rounded to the even one.
		around(float64(random.Uint64()>>(14+random.IntN(40))) + math.Ldexp(1, -1-random.IntN(20)))
	}
}

func FuzzAppendFloat(f *testing.F) {
	for _, v := range []float64{0, math.Copysign(0, -1), 0.1, 0.5, -1.25, 17636.571428571428, 1 << 52, 1<<52 - 0.5, 1e-6, 9.5367431640625e-07, 1125899906842624.25, 5e-324, math.MaxFloat64} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, b uint64) { checkFloat(t, math.Float64frombits(b)) })
}

func TestNumbersDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		_ = quote.AppendInt(dst, math.MinInt64)
		_ = quote.AppendFloat(dst, 17636.571428571428, 64)
	}); n != 0 {
		t.Errorf("they allocate %v times, want 0", n)
	}
}

func BenchmarkAppendUint(b *testing.B) {
	dst := make([]byte, 0, 64)
	for _, v := range []uint64{7, 4321, 987_654, 1_234_567_890, 123_456_789_012_345_678} {
		b.Run(strconv.Itoa(len(strconv.FormatUint(v, 10)))+" digits", func(b *testing.B) {
			for b.Loop() {
				_ = quote.AppendUint(dst, v)
			}
		})
	}
}

func BenchmarkAppendFloat(b *testing.B) {
	dst := make([]byte, 0, 64)
	for _, v := range []float64{12, 12.5, 17636.571428571428, 1e-9} {
		b.Run(strconv.FormatFloat(v, 'g', -1, 64), func(b *testing.B) {
			for b.Loop() {
				_ = quote.AppendFloat(dst, v, 64)
			}
		})
		b.Run(strconv.FormatFloat(v, 'g', -1, 64)+" by strconv", func(b *testing.B) {
			for b.Loop() {
				_ = strconv.AppendFloat(dst, v, 'f', -1, 64)
			}
		})
	}
}
