package config_test

import (
	"testing"

	"github.com/tailrace/tailrace/config"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		text    string
		want    config.Size
		printed string
	}{
		{"0", 0, "0"},
		{"1000", 1000, "1000"},
		{"7B", 7, "7"},
		{"64KiB", 64 << 10, "64KiB"},
		{"256MiB", 256 << 20, "256MiB"},
		{"1024MiB", 1 << 30, "1GiB"},
		{"2MB", 2e6, "2000000"},
		{"1kB", 1000, "1000"},
		{"1KB", 1000, "1000"},
		{"8589934591GiB", 8589934591 << 30, "8589934591GiB"},
	}
	for _, tt := range tests {
		got, err := config.ParseSize(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.text, got, err, tt.want)
		}
		if got.String() != tt.printed {
			t.Errorf("%s: got printed %s, want %s", tt.text, got, tt.printed)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "1 MiB", "1mib", "1M", "0x10", "8589934592GiB", "9223372036854775808"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q: got %d and no error", text, got)
		}
	}
}
