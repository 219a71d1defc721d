package kinesis

// A width is how much of what may be on its way is. Calls share what lies between
// Tailrace and the service. Where that is too slow for all of them, each would end
// by its time limit and be repeated, and nothing would ever be stored. So a call
// without an answer, while no other had one either, halves the width, and each
// answer brings some of it back. It belongs to its outlet's mutex.
type width struct {
	part  float64 // 1 at most
	turns uint64  // answers, and times that part fell
}

const (
	leastWidth = 1.0 / 32
	widening   = 1.0 / 64
)

// calls returns how many may be on their way.
func (w *width) calls() int { return max(1, int(mostCalls*w.part)) }

// room returns how many bytes of records there may be in a call, and in all calls.
func (w *width) room() (one, all int) { return int(callBytes * w.part), int(mostBytes * w.part) }

// answered notes that a call had an answer in time.
func (w *width) answered() {
	w.turns++
	w.part = min(1, w.part+widening)
}

// unanswered notes that a call had none, which was sent when there were so many
// turns.
func (w *width) unanswered(turns uint64) {
	if turns == w.turns {
		w.turns++
		w.part = max(leastWidth, w.part/2)
	}
}
