package murmur2_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/murmur2"
)

func TestSumIsThatOfKafkasJavaClient(t *testing.T) {
	// From UtilsTest.testMurmur2 of Apache Kafka, before its toPositive.
	java := map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	for key, hash := range java {
		if got, want := murmur2.Sum([]byte(key)), uint32(hash)&0x7fffffff; got != want {
			t.Errorf("Sum(%q) = %d, want %d", key, got, want)
		}
	}
}
