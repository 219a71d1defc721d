package copied

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Grown returns when a file began to grow and when it had got so many lines. It
// looks at the size only, which takes no time that the copy could use, and counts
// the lines once it stays. A file that does not grow for a minute is given up.
func Grown(ctx context.Context, file string, rows int) (from, to time.Time, err error) {
	const stays, patience = 2 * time.Second, time.Minute
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	size, counted, moved := int64(0), int64(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			return from, to, context.Cause(ctx)
		case <-tick.C:
		}
		now := time.Now()
		if info, err := os.Stat(file); err == nil && info.Size() > size {
			if size == 0 {
				from = now
			}
			size, moved = info.Size(), now
			continue
		}
		if now.Sub(moved) > patience {
			return from, to, errors.New("the copy stands still")
		}
		if size == counted || now.Sub(moved) < stays {
			continue
		}
		counted = size
		lines, err := countLines(file)
		if err != nil || lines >= rows {
			return from, moved, err
		}
	}
}

func countLines(file string) (lines int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	part := make([]byte, 1<<20)
	for {
		n, err := f.Read(part)
		lines += bytes.Count(part[:n], []byte("\n"))
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}
