package snapshot

// SetRows has chunks of so many rows at first, and of no fewer or more than that later.
func SetRows(first, few, most int) { firstRows, fewRows, mostRows = first, few, most }
