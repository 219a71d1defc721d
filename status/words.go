package status

import (
	"fmt"
	"strings"
	"time"
)

// Size writes a number of bytes for people: 1.5 GiB.
func Size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/(1<<10), 0
	for value >= 1<<10 && unit < 4 {
		value, unit = value/(1<<10), unit+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + [...]string{" KiB", " MiB", " GiB", " TiB", " PiB"}[unit]
}

// Span writes a duration for people, in two units at most: 3h12m, 4m5s, 250ms.
func Span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
