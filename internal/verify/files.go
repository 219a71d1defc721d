package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files is the folder of a file sink.
type Files string

var _ Sink = Files("")

// Progress reads the last whole line.
func (folder Files) Progress(context.Context) (string, error) {
	path := filepath.Join(string(folder), "_progress.ndjson")
	text, err := tail(path)
	end := bytes.LastIndexByte(text, '\n')
	if err != nil || end < 0 {
		return "", err
	}
	line := text[bytes.LastIndexByte(text[:end], '\n')+1 : end]
	var mark struct {
		Ver string `json:"ver"`
	}
	if err := json.Unmarshal(line, &mark); err != nil {
		return "", &Violation{File: filepath.Base(path), What: "its last line is no progress record"}
	}
	return mark.Ver, nil
}

// tail returns the last bytes of a file, enough for two lines of progress.
func tail(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	b := make([]byte, min(info.Size(), 512))
	n, err := f.ReadAt(b, info.Size()-int64(len(b)))
	if err != nil && n < len(b) {
		return nil, nil // a torn line was cut off just now
	}
	return b, nil
}

// Sizes returns the lengths of the files.
func (folder Files) Sizes(context.Context) (map[string]int64, error) {
	entries, err := os.ReadDir(string(folder))
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	all := make(map[string]int64)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".ndjson") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		all[e.Name()] = info.Size()
	}
	return all, nil
}
