package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// schemas is the file of schema documents in a folder of events.
const schemas = "_schemas.ndjson"

// Read applies the events in all files of a folder that publish/file has
// written. The tables it returns may be compared or read by one goroutine.
func Read(dir string) (*Tables, error) {
	t := New()
	err := t.readFile(filepath.Join(dir, schemas), t.Describe)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		return nil, fmt.Errorf("list event files: %w", err)
	}
	slices.Sort(files)
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "_") {
			continue
		}
		if err := t.readFile(file, t.Apply); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readFile gives each line of a file to take. A last line without an end is an
// error like any other: a publisher that was closed leaves none.
func (t *Tables) readFile(path string, take func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err == nil {
			err = take(bytes.TrimSuffix(line, []byte("\n")))
		} else if err == io.EOF {
			err = errors.New("the line has no end")
		}
		if err != nil {
			return fmt.Errorf("read %s, line %d: %w", path, n, err)
		}
	}
}

// unmarshal is json.Unmarshal with errors that say nothing of the contents.
func unmarshal(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return fmt.Errorf("field %q has another type than documented", kind.Field)
		}
		return errors.New("it is not JSON")
	}
	return nil
}
