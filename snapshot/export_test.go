package snapshot

import "time"

// SetRows has chunks of so many rows at first, and of no fewer or more than that later.
func SetRows(first, few, most int) { firstRows, fewRows, mostRows = first, few, most }

// SetGentle sets for how long a stream counts as lively after a change, and how many
// processors a copy reckons with.
func SetGentle(after time.Duration, processors int) { lively, cores = after, processors }
