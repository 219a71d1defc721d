package snapshot

// A Mutation leaves out one of the rules that keep an older value from coming last.
// Tests switch one on to see that they would notice.
type Mutation string

// The mutations.
const (
	NoVisibility Mutation = "no-visibility" // a view need not show what was delivered (C5.2, C5.3)
	NoPartial    Mutation = "no-partial"    // an event without the whole row counts as one with it (C5.1)
	NoTracking   Mutation = "no-tracking"   // no key is noted
)

var mutation Mutation

// Mutate switches a mutation on. Only tests, and binaries that are built with the tag
// mutation, call it, before anything is copied.
func Mutate(m Mutation) { mutation = m }
