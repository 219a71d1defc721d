package quote_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/quote"
)

func TestFixedTextIsAppendedWhateverRoomThereIs(t *testing.T) {
	for length := range 70 {
		text := strings.Repeat("né", length)[:length]
		f := quote.NewFixed(text)
		if f.String() != text {
			t.Errorf("String = %q, want %q", f, text)
		}
		for room := range 70 {
			got := f.Append(append(make([]byte, 0, 4+room), "head"...))
			if string(got) != "head"+text {
				t.Errorf("with %d bytes of room: got %q, want %q", room, got, "head"+text)
			}
		}
	}
}
