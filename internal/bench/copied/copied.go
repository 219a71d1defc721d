// Package copied judges what a first copy left in a file.
package copied

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
)

// columns is how many each row has.
const columns = 12

// EachOnce returns an error unless the events in a file are those of the rows 1 to
// rows, as read, each once. One of a thousand is read in whole.
func EachOnce(file string, rows int) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	seen, lines := make([]bool, rows+1), 0
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("line %d of what was copied: %w", lines+1, err)
		}
		lines++
		id, ok := ID(line)
		switch {
		case !ok || id < 1 || id > rows || !bytes.HasPrefix(line, []byte(`{"op":"r",`)):
			return fmt.Errorf("line %d of what was copied is not that of a row of the table", lines)
		case seen[id]:
			return fmt.Errorf("line %d of what was copied has the row %d again", lines, id)
		}
		seen[id] = true
		if lines%1000 != 1 {
			continue
		}
		var event struct {
			After map[string]json.RawMessage
			Ver   string
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return fmt.Errorf("line %d of what was copied: %w", lines, err)
		}
		if string(event.After["id"]) != strconv.Itoa(id) || len(event.After) != columns || event.Ver == "" {
			return fmt.Errorf("line %d of what was copied lacks a part of the row %d", lines, id)
		}
	}
	if lines != rows {
		return fmt.Errorf("%d rows were copied, want %d", lines, rows)
	}
	return nil
}

// ID returns the row's number of an event of a table whose first column is id.
func ID(line []byte) (int, bool) {
	_, rest, ok := bytes.Cut(line, []byte(`"after":{"id":`))
	if !ok {
		return 0, false
	}
	digits, _, _ := bytes.Cut(rest, []byte(","))
	id, err := strconv.Atoi(string(bytes.TrimRight(digits, "}")))
	return id, err == nil
}
