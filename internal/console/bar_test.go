package console_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/console"
)

func TestABarIsAsLongAsWhatIsDone(t *testing.T) {
	for _, c := range []struct {
		name      string
		done, all int64
		want      string
	}{
		{"nothing", 0, 1000, "░░░░░░░░░░░░░░░░ 0%"},
		{"a half", 500, 1000, "████████░░░░░░░░ 50%"},
		{"all", 1000, 1000, "████████████████ 100%"},
		{"more than was estimated", 2000, 1000, "████████████████ 100%"},
		{"nobody knows of how much", 2000, 0, "░░░░░░░░░░░░░░░░"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := console.Bar(c.done, c.all); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
