package quote

// fixedLen is how long a Fixed is at most that is copied without a call.
const fixedLen = 32

// A Fixed is text that is appended again and again, such as the name of a column.
// If it is short, as most names are, all of its room is copied, which takes two
// instructions. It is immutable.
type Fixed struct {
	room [fixedLen]byte
	text string
}

// NewFixed returns s as it is: nothing is escaped.
func NewFixed(s string) *Fixed {
	f := &Fixed{text: s}
	copy(f.room[:], s)
	return f
}

// Append appends the text.
func (f *Fixed) Append(dst []byte) []byte {
	start := len(dst)
	if len(f.text) > fixedLen || cap(dst)-start < fixedLen {
		return append(dst, f.text...)
	}
	dst = dst[:start+fixedLen]
	*(*[fixedLen]byte)(dst[start:]) = f.room
	return dst[:start+len(f.text)]
}

// String returns the text.
func (f *Fixed) String() string { return f.text }
