package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A Fence is a claim about what was published, seen while a daemon ran, and how
// long the sink's partitions were after it was seen: what the claim covers must
// lie before their ends.
type Fence struct {
	Below   string // everything with a lower ver
	Through string // and everything up to this ver; "" for none
	Sizes   map[string]int64
}

// A Sink is what a daemon publishes to, while it does. Its methods may be called
// from any goroutine.
type Sink interface {
	// Sizes returns how long each partition is, by the name of its file in what
	// is verified: in bytes of a file, in offsets of Kafka. nil says that it
	// can't be told now.
	Sizes(ctx context.Context) (map[string]int64, error)
	// Progress returns the ver of the newest progress record, "" for none. It is
	// called by one goroutine.
	Progress(ctx context.Context) (string, error)
}

// Watch collects fences until ctx ends: it keeps reading the checkpoint, a file
// ("" for none), and the newest progress record. It is an error if either goes
// back. Neither need exist yet.
func Watch(ctx context.Context, sink Sink, checkpoint string) ([]Fence, error) {
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
			read func() (Fence, error)
			what string
		}{
			{&saved, func() (Fence, error) { return readCheckpoint(checkpoint) }, "the checkpoint"},
			{&told, func() (Fence, error) { ver, err := sink.Progress(ctx); return Fence{Below: ver}, err }, "progress"},
		} {
			f, err := claim.read()
			if err != nil {
				return all, err
			}
			if f.Below < claim.last.Below || f.Through < claim.last.Through {
				return all, &Violation{What: claim.what + " goes back from " + claim.last.Below + " to " + f.Below}
			}
			if f.Below == claim.last.Below && f.Through == claim.last.Through {
				continue
			}
			if f.Sizes, err = sink.Sizes(ctx); err != nil {
				return all, err
			}
			if f.Sizes == nil {
				continue // the claim is met again
			}
			*claim.last = f
			all = append(all, f)
		}
	}
}

func readCheckpoint(path string) (Fence, error) {
	if path == "" {
		return Fence{}, nil
	}
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

// fences are those of one partition, in the order in which they were seen.
type fences struct {
	file string
	all  []Fence
	// The highest claims of the fences that lie before the record at hand.
	below, through string
}

func fencesOf(all []Fence, file string) fences { return fences{file: file, all: all} }

// check is called for each first arrival, in the order of the partition; end is
// the place behind it.
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
