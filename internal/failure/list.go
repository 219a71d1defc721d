package failure

import (
	"errors"
	"strings"
)

// List returns the errors that were joined into err, in their order and one by
// one, also where joined ones were joined again; nil for nil.
func List(err error) []error {
	if err == nil {
		return nil
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || !joined(err, several.Unwrap()) {
		return []error{err}
	}
	var all []error
	for _, one := range several.Unwrap() {
		all = append(all, List(one)...)
	}
	return all
}

// joined tells the work of errors.Join from one error with several causes, which
// has the same method: what is joined has a line for each.
func joined(err error, parts []error) bool {
	lines := make([]string, len(parts))
	for i, part := range parts {
		lines[i] = part.Error()
	}
	return err.Error() == strings.Join(lines, "\n")
}

// Split returns what err says is wrong and, apart from it, what a person can do:
// "" if it does not say.
func Split(err error) (what, hint string) {
	what = err.Error()
	var stop *StopError
	if errors.As(err, &stop) && stop.Hint != "" && strings.HasSuffix(what, "; "+stop.Hint) {
		return strings.TrimSuffix(what, "; "+stop.Hint), stop.Hint
	}
	return what, ""
}
