// Package file publishes to a folder: one file of JSON lines per topic,
// appended and synced.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// A Publisher appends the value of each record and a line break to the file of
// its topic. Topics of a control channel share one file each: _transactions,
// _progress and _schemas. Records for all partitions are written once. Keys
// are not written.
//
// One goroutine writes and another syncs, so that lines can be read while those
// before them wait for the disk. All batches that are queued when the writer is
// ready form a group, written with one call per file; all groups that are written
// when the disk is ready are synced together, each file once. Then done is called
// for their batches in order.
type Publisher struct {
	folder   *folder
	queue    chan job
	spare    chan *group    // empty ones
	written  chan *group    // closed by the writer when it returns
	unsynced sync.WaitGroup // counts groups from written to spare
	closing  chan struct{}  // closed by Close
	fails    sync.Once      // sets err, closes failed
	failed   chan struct{}
	err      error         // may be read once failed is closed
	ended    chan struct{} // closed when the syncer has returned
}

var _ publish.Publisher = (*Publisher)(nil)

// A job is an accepted batch.
type job struct {
	batch *publish.Batch
	done  func(error)
}

// Open takes the folder at dir for this process, making it if it is missing,
// and cuts off the last line of each file that a crash left without an end. A
// folder that can't be written to is an error of the class Stop; one that
// another process has taken is an error with the exit code for that.
func Open(dir string) (*Publisher, error) {
	folder, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		folder:  folder,
		queue:   make(chan job, groupBatches),
		spare:   make(chan *group, maxGroups),
		written: make(chan *group, maxGroups),
		closing: make(chan struct{}),
		failed:  make(chan struct{}),
		ended:   make(chan struct{}),
	}
	for range maxGroups {
		p.spare <- &group{jobs: make([]job, 0, groupBatches), ends: make([]end, 0, groupBatches)}
	}
	folder.settle = p.settle
	go p.write()
	go p.sync()
	return p, nil
}

// Publish queues b. done is called from the syncer's goroutine when the lines
// of b are synced. The first error of the disk ends the Publisher, since a
// later batch must not land behind a gap: it is given to every done that is
// outstanding and returned by every later call.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.over(); err != nil {
		return err
	}
	select {
	case p.queue <- job{b, done}:
		return nil
	case <-p.failed:
		return p.err
	case <-p.closing:
		return p.errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Flush returns when everything accepted so far is synced, or with the error
// that prevents it.
func (p *Publisher) Flush(ctx context.Context) error {
	synced := make(chan error, 1)
	if err := p.Publish(ctx, new(publish.Batch), func(err error) { synced <- err }); err != nil {
		return err
	}
	select {
	case err := <-synced:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for what is being synced, gives up what is behind it and cuts that
// off, and lets the folder go.
func (p *Publisher) Close() error {
	select {
	case <-p.closing:
		return nil
	default:
	}
	close(p.closing)
	<-p.ended
	p.folder.abandon()
	if err := p.folder.close(); err != nil {
		return fmt.Errorf("close event files: %w", err)
	}
	return nil
}

// over returns why nothing is accepted any more, or nil.
func (p *Publisher) over() error {
	select {
	case <-p.closing:
		return p.errClosed()
	case <-p.failed:
		return p.err
	default:
		return nil
	}
}

func (p *Publisher) errClosed() error {
	return fmt.Errorf("publish to %s: %w", p.folder.path, os.ErrClosed)
}

// fail ends the Publisher with the first error of the disk, and returns that.
func (p *Publisher) fail(err error) error {
	p.fails.Do(func() {
		p.err = explain(err, p.folder.path)
		close(p.failed)
	})
	return p.err
}

func explain(err error, dir string) error {
	if errors.Is(err, errRemoved) {
		return failure.StopFrom(err, "start tailrace again to go on in a new file; what the old one held is gone",
			"an event file was taken away")
	}
	return failure.StopFrom(err, "when the folder can be written to, start tailrace again: it goes on where it stopped",
		"the event files in %s can't be written", dir)
}
