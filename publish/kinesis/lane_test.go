package kinesis_test

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/publish/kinesis"
)

// With other lanes, the events of a key would overtake those that a former version
// has stored: these numbers are for ever.
func TestLanesAreWhereTheyEverWere(t *testing.T) {
	var all strings.Builder
	for i := range kinesis.Lanes {
		number, text, name := kinesis.PointOf(i)
		fmt.Fprintf(&all, "%s %s\n", name, text)
		if number.String() != text || name != strconv.Itoa(i) {
			t.Errorf("lane %d: got the number %v, the text %s and the name %s", i, number, text, name)
		}
		if want := hashKey(i); text != want {
			t.Errorf("lane %d: got the point %s, want %s", i, text, want)
		}
	}
	for _, c := range []struct {
		lane  int
		point string
	}{
		{0, "166153499473114484112975882535043072"},
		{1, "498460498419343452338927647605129216"},
		{1023, "340116213421465348979261631549233168384"},
	} {
		if _, got, _ := kinesis.PointOf(c.lane); got != c.point {
			t.Errorf("lane %d: got the point %s, want %s", c.lane, got, c.point)
		}
	}
	const want = "0c3058fbb52f1a9286da233ec465a1a8c1d339dee8bef08fd29dcebb328470e7"
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(all.String()))); got != want {
		t.Errorf("sum of all lanes: got %s, want %s", got, want)
	}
}

func TestLanesAreChosenAsKafkasPartitionsAre(t *testing.T) {
	// toPositive of the hash, modulo the number of partitions: the hashes are -973932308,
	// -790332482 and 479470107 in UtilsTest.testMurmur2 of Apache Kafka.
	for _, c := range []struct {
		key  string
		lane int
	}{
		{"21", 236}, {"foobar", 958}, {"abc", 539},
	} {
		if got := kinesis.LaneOf(murmur2.Sum([]byte(c.key))); got != c.lane {
			t.Errorf("lane of %q: got %d, want %d", c.key, got, c.lane)
		}
	}
	for _, c := range []struct {
		hash uint32
		lane int
	}{
		{0, 0}, {1023, 1023}, {1024, 0}, {0x7fffffff, 1023}, {0x80000000, 0}, {0xffffffff, 1023}, {0x80000401, 1},
	} {
		if got := kinesis.LaneOf(c.hash); got != c.lane {
			t.Errorf("lane of the hash %#x: got %d, want %d", c.hash, got, c.lane)
		}
	}
}

func TestShardsHaveTheirShareOfTheLanes(t *testing.T) {
	space := new(big.Int).Lsh(big.NewInt(1), 128)
	for shards := 1; shards <= 100; shards++ {
		part := new(big.Int).Div(space, big.NewInt(int64(shards))) // as CreateStream divides it
		count := make([]int, shards)
		for i := range kinesis.Lanes {
			number, _, _ := kinesis.PointOf(i)
			at := new(big.Int).Div(number, part).Int64()
			count[min(at, int64(shards-1))]++
		}
		least, most := count[0], count[0]
		for _, n := range count {
			least, most = min(least, n), max(most, n)
		}
		if most-least > 1 {
			t.Errorf("%d shards: got between %d and %d lanes in one, want a difference of 1 at most", shards, least, most)
		}
	}
}

// hashKey is the middle of a lane's part of the hash space, by its definition.
func hashKey(lane int) string {
	middle := new(big.Int).Lsh(big.NewInt(int64(2*lane+1)), 117)
	return middle.String()
}
