package main

// firstRows are computed, the others are copies of them with another id.
const firstRows = 100_000

// noteTail makes a row 300 bytes long, as text and in the mean.
const noteTail = ", which is to be left with the neighbours if nobody is at home, not before nine in the morning and not in the rain, as it has been asked for twice"

// double calls insert until there are so many rows: it copies those up to most with
// ids that are n higher.
func double(rows int, insert func(n, most int) error) error {
	for n := min(rows, firstRows); n < rows; n *= 2 {
		if err := insert(n, min(n, rows-n)); err != nil {
			return err
		}
	}
	return nil
}
