package snapshot

import "time"

// SetRows has chunks of so many rows at first, and of no fewer or more than that later.
func SetRows(first, few, most int) { firstRows, fewRows, mostRows = first, few, most }

// SetGentle sets for how long a stream counts as lively after a change, how many
// processors a copy reckons with, how many rows the first step of a read has, and how
// many bytes are handed on at once.
func SetGentle(after time.Duration, processors, rows, bytes int) {
	lively, cores, firstStep, portion = after, processors, rows, bytes
}
