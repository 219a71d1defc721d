// Package console shows native events to people: one readable line per event,
// coloured on a terminal, and a status line that stays below them. What a row
// holds is shown here and nowhere else, and never raw: a control character of
// a value does not reach the terminal.
package console
