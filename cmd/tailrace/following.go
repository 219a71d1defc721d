package main

import (
	"context"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
)

// A followed source says when its first stream is open: what is committed from
// then on will be seen.
type followed struct {
	capture.Source
	say func(capture.Description) // called once, from the pipeline's goroutine

	said bool
}

// Open implements capture.Source.
func (f *followed) Open(ctx context.Context, st checkpoint.State) (capture.Stream, error) {
	stream, err := f.Source.Open(ctx, st)
	if err == nil && !f.said {
		f.said = true
		f.say(f.Describe())
	}
	return stream, err
}
