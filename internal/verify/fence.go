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
	"time"
)

// A Fence is a claim about what was published, seen while a daemon ran, and how
// long the files were after it was seen: what the claim covers must lie before
// their ends.
type Fence struct {
	Below   string // everything with a lower ver
	Through string // and everything up to this ver; "" for none
	Sizes   map[string]int64
}

// Watch collects fences until ctx ends: it keeps reading the checkpoint and the
// newest progress record. It is an error if either goes back. Neither file need
// exist yet.
func Watch(ctx context.Context, events, checkpoint string) ([]Fence, error) {
	const interval = 10 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var all []Fence
	var saved, told Fence
	for {
		select {
		case <-ctx.Done():
			return all, nil
		case <-tick.C:
		}
		for _, claim := range []struct {
			last *Fence
			read func(string) (Fence, error)
			path string
		}{{&saved, readCheckpoint, checkpoint}, {&told, readProgress, filepath.Join(events, "_progress.ndjson")}} {
			f, err := claim.read(claim.path)
			if err != nil {
				return all, err
			}
			if f.Below < claim.last.Below || f.Through < claim.last.Through {
				return all, &Violation{File: filepath.Base(claim.path), What: "a saved or told place goes back from " + claim.last.Below + " to " + f.Below}
			}
			if f.Below == claim.last.Below && f.Through == claim.last.Through {
				continue
			}
			*claim.last = f
			if f.Sizes, err = sizes(events); err != nil {
				return all, err
			}
			all = append(all, f)
		}
	}
}

func readCheckpoint(path string) (Fence, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Fence{}, nil
	}
	if err != nil {
		return Fence{}, fmt.Errorf("verify: %w", err)
	}
	var doc struct {
		State struct {
			Bound uint64 `json:"bound"`
			Epoch uint32 `json:"epoch"`
			Ver   string `json:"ver"`
		} `json:"state"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return Fence{}, &Violation{What: "the checkpoint can't be read: " + err.Error()}
	}
	below := fmt.Sprintf("%08x/%016x/%016x/%08x", doc.State.Epoch, doc.State.Bound, 0, 0)
	return Fence{Below: below, Through: doc.State.Ver}, nil
}

// readProgress reads the last whole line.
func readProgress(path string) (Fence, error) {
	text, err := tail(path)
	end := bytes.LastIndexByte(text, '\n')
	if err != nil || end < 0 {
		return Fence{}, err
	}
	line := text[bytes.LastIndexByte(text[:end], '\n')+1 : end]
	var mark struct {
		Ver string `json:"ver"`
	}
	if err := json.Unmarshal(line, &mark); err != nil {
		return Fence{}, &Violation{File: filepath.Base(path), What: "its last line is no progress record"}
	}
	return Fence{Below: mark.Ver}, nil
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

func sizes(folder string) (map[string]int64, error) {
	entries, err := os.ReadDir(folder)
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

// fences are those of one file, in the order in which they were seen.
type fences struct {
	file string
	all  []Fence
	// The highest claims of the fences that lie before the line at hand.
	below, through string
}

func fencesOf(all []Fence, file string) fences { return fences{file: file, all: all} }

// check is called for each first arrival, in the order of the file; end is the
// offset behind it.
func (f *fences) check(ver string, end int64) error {
	for len(f.all) > 0 && f.all[0].Sizes[f.file] < end {
		f.below, f.through = max(f.below, f.all[0].Below), max(f.through, f.all[0].Through)
		f.all = f.all[1:]
	}
	if ver < f.below || ver <= f.through {
		return fmt.Errorf("ver %s arrived after everything up to it was said to be published", ver)
	}
	return nil
}
