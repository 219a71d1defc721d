// Package file publishes to a folder: one file of JSON lines per topic,
// appended and synced.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// What a group may hold. Batches queue while the one before is synced, so that
// a slow disk makes groups larger and not the queue longer. Their bytes are
// bounded by the pipeline's frontier; a group's are copied, and bounded here.
const (
	groupBatches = 64
	groupBytes   = 4 << 20
)

// A Publisher appends the value of each record and a line break to the file of
// its topic. Topics of a control channel share one file each: _transactions,
// _progress and _schemas. Records for all partitions are written once. Keys
// are not written.
//
// All batches that are queued when the disk is ready form a group: their lines
// are written with one call per file, every file is synced once, then done is
// called for them in order.
type Publisher struct {
	folder  *folder
	queue   chan job
	closing chan struct{} // closed by Close
	failed  chan struct{} // closed by the writer when err is set
	ended   chan struct{} // closed when the writer has returned
	err     error         // may be read once failed is closed
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
		closing: make(chan struct{}),
		failed:  make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go p.write()
	return p, nil
}

// Publish queues b. done is called from the writer's goroutine when the lines
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

// Close waits for the group that is being written, gives up what is queued
// behind it, and lets the folder go.
func (p *Publisher) Close() error {
	select {
	case <-p.closing:
		return nil
	default:
	}
	close(p.closing)
	<-p.ended
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

// write is the writer's goroutine. It ends with Close.
func (p *Publisher) write() {
	defer close(p.ended)
	group := make([]job, 0, groupBatches)
	for {
		group = p.gather(group[:0])
		if len(group) == 0 {
			return
		}
		err := p.over()
		if err == nil {
			if err = p.folder.append(group); err != nil {
				err = explain(err, p.folder.path)
				p.err = err
				close(p.failed)
			}
		}
		for _, j := range group {
			j.done(err)
		}
		clear(group)
	}
}

// gather waits for a batch and takes what is queued behind it. It returns
// nothing when the Publisher is closing and the queue is empty: it looks there
// first, since what is queued must get its done.
func (p *Publisher) gather(group []job) []job {
	select {
	case j := <-p.queue:
		group = append(group, j)
	default:
		select {
		case j := <-p.queue:
			group = append(group, j)
		case <-p.closing:
			return group
		}
	}
	for size := len(group[0].batch.Buf); size < groupBytes && len(group) < groupBatches; {
		select {
		case j := <-p.queue:
			group = append(group, j)
			size += len(j.batch.Buf)
		default:
			return group
		}
	}
	return group
}

func explain(err error, dir string) error {
	if errors.Is(err, errRemoved) {
		return failure.StopFrom(err, "start tailrace again to go on in a new file; what the old one held is gone",
			"an event file was taken away")
	}
	return failure.StopFrom(err, "when the folder can be written to, start tailrace again: it goes on where it stopped",
		"the event files in %s can't be written", dir)
}
