package capture

// some is how many names a line of the log has at most.
const some = 20

// Some returns the first names of many, for a line of the log, which says how
// many there are besides: a thousand tables would make one that nobody reads, and
// that what collects logs cuts off.
func Some(names []string) []string { return names[:min(len(names), some)] }
