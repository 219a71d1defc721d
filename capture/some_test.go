package capture_test

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture"
)

func TestALineOfTheLogNamesTwentyTablesAtMost(t *testing.T) {
	var all []string
	for n := range 1000 {
		if got, want := capture.Some(all), all[:min(n, 20)]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("of %d: got %q, want %q", n, got, want)
		}
		all = append(all, fmt.Sprintf("public.t%d", n))
	}
}
