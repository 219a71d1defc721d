// Package pipeline moves changes from a source to a publisher. All of the
// daemon's concurrency that carries rows is here:
//
//	reader ─> workers ─> sequencer ─> Publisher ─> Frontier ─> saver ─> Store, Stream.Confirm
//
// The reader fills units in log order. Workers encode them side by side. The
// sequencer hands them to the publisher in log order again. The frontier turns
// acknowledgements into one published prefix, whose place the saver saves and
// then confirms to the server. Never another order: published, saved,
// confirmed.
//
// A life is one run of these goroutines over one stream. When it ends for a
// reason that time may mend, what was read is published and saved, or after a
// failure of the sink dropped, and the next life begins at the saved state.
// There is no other way to recover.
package pipeline
