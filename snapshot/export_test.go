package snapshot

import "time"

// SetRows has chunks of so many rows at first, and of no fewer or more than that later.
func SetRows(first, few, most int) { firstRows, fewRows, mostRows = first, few, most }

// SetGentle sets for how long a stream counts as lively after a change, how many
// processors a copy reckons with, and how many rows the first step of a read has.
func SetGentle(after time.Duration, processors, rows int) {
	lively, cores, firstStep = after, processors, rows
}
