package checkpoint

import (
	"context"
	"errors"
)

// ErrFenced says that another process has taken over the pipeline. It is
// wrapped in an error with exit code 3.
var ErrFenced = errors.New("another instance holds this pipeline")

// A Store keeps the State of one pipeline. The pipeline's saver is its only
// caller once Acquire has returned.
type Store interface {
	// Acquire takes the pipeline for this process: it returns the saved State
	// with a Generation one higher, and a zero State but for the Generation if
	// none was ever saved. A State that can't be read is an error, never "none".
	Acquire(ctx context.Context) (State, error)

	// Load returns the saved State without taking the pipeline; the zero
	// State if there is none.
	Load(ctx context.Context) (State, error)

	// Save makes st durable as a whole before it returns nil. It returns an
	// error that wraps ErrFenced if another process has acquired the pipeline
	// since; after any other error either State may be there, each of them
	// whole, and saving again may succeed.
	Save(ctx context.Context, st State) error

	// Close gives the pipeline back.
	Close() error
}
