package verify

import "fmt"

// A Violation is a promise that was broken, and where to look.
type Violation struct {
	File string // its name in the folder of events; "" if none shows it
	Line int    // counted from 1; 0 for the file as a whole
	What string // holds no values of rows
}

// Error returns file, line and what is wrong.
func (v *Violation) Error() string {
	switch {
	case v.File == "":
		return v.What
	case v.Line == 0:
		return v.File + ": " + v.What
	}
	return fmt.Sprintf("%s:%d: %s", v.File, v.Line, v.What)
}

// broken returns the Violation that the last line of l shows.
func (l *lines) broken(format string, args ...any) error {
	return &Violation{File: l.name(), Line: l.number, What: fmt.Sprintf(format, args...)}
}

// lacking returns the Violation of a whole file.
func (l *lines) lacking(format string, args ...any) error {
	return &Violation{File: l.name(), What: fmt.Sprintf(format, args...)}
}
