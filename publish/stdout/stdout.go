// Package stdout publishes events as lines to a stream.
package stdout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish"
)

// queued is how many batches may wait for the stream's reader. They are held
// by the pipeline's frontier, which bounds their bytes.
const queued = 16

// kept is how much memory for lines is kept from one batch to the next.
const kept = 1 << 20

var errClosed = fmt.Errorf("publish to stdout: %w", os.ErrClosed)

// A Publisher writes the values of events, each with a line break, to a
// stream. A stream can't be made durable: a batch is done when it was written.
type Publisher struct {
	out  io.Writer
	buf  []byte        // lines of one batch, the writer's own
	room chan struct{} // holds a token per batch in the queue
	over chan struct{} // closed when err is set

	mu      sync.Mutex
	changed sync.Cond // of everything below
	queue   []job     // a batch stays at the head while it is written
	calling bool      // the writer is calling done
	err     error     // why nothing more is accepted
}

var _ publish.Publisher = (*Publisher)(nil)

// A job is an accepted batch.
type job struct {
	batch *publish.Batch
	done  func(error)
}

// Open starts to publish to out, which stays the caller's. For a process's
// standard output the caller has SIGPIPE ignored, so that a reader that has
// gone away is an error here and not the end of the process.
func Open(out io.Writer) *Publisher {
	p := &Publisher{out: out, room: make(chan struct{}, queued), over: make(chan struct{})}
	p.changed.L = &p.mu
	go p.write()
	return p
}

// Publish queues b. It blocks while the queue is full because nobody reads the
// stream. done is called when b was written, or with the error that ended the
// stream, which later calls return.
func (p *Publisher) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.room <- struct{}{}:
	case <-p.over:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	p.queue = append(p.queue, job{b, done})
	p.changed.Broadcast()
	return nil
}

// Flush returns when everything accepted so far is written, or with the error
// that prevents it.
func (p *Publisher) Flush(ctx context.Context) error {
	written := make(chan error, 1)
	if err := p.Publish(ctx, new(publish.Batch), func(err error) { written <- err }); err != nil {
		return err
	}
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close gives up every batch that is not yet written, also the one that a
// reader who does not read holds up: that write ends with the process or when
// the stream is closed, and its reader may still get all of it or a part. It
// does not close the stream.
func (p *Publisher) Close() error {
	p.mu.Lock()
	given := p.end(errClosed)
	for p.calling {
		p.changed.Wait()
	}
	p.mu.Unlock()
	for _, j := range given {
		j.done(errClosed)
	}
	return nil
}

// end makes err the reason why nothing more is accepted, unless there is one,
// and returns what was accepted and is not done. The lock is held.
func (p *Publisher) end(err error) []job {
	if p.err == nil {
		p.err = err
		close(p.over)
	}
	given := p.queue
	p.queue = nil
	p.changed.Broadcast()
	return given
}

// write is the writer's goroutine. It ends when err is set.
func (p *Publisher) write() {
	for p.next() {
		p.settle(p.print())
	}
}

func (p *Publisher) print() error {
	if len(p.buf) == 0 {
		return nil
	}
	n, err := p.out.Write(p.buf)
	if err == nil && n < len(p.buf) {
		err = io.ErrShortWrite
	}
	return err
}

// next waits for a batch and copies its lines. It
// copies with the lock held, because Close gives batches back to their owner.
func (p *Publisher) next() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) == 0 && p.err == nil {
		p.changed.Wait()
	}
	if p.err != nil {
		return false
	}
	if cap(p.buf) > kept {
		p.buf = nil
	}
	p.buf = appendLines(p.buf[:0], p.queue[0].batch)
	return true
}

// settle calls done for the batch that was written or, if that failed, for all
// of them. After a Close during the write there is nothing left to call.
func (p *Publisher) settle(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	first := [1]job{p.queue[0]}
	given := first[:]
	if err == nil {
		p.queue = slices.Delete(p.queue, 0, 1)
		<-p.room
	} else {
		err = explain(err)
		given = p.end(err)
	}
	p.calling = true
	p.mu.Unlock()
	for _, j := range given {
		j.done(err)
	}
	p.mu.Lock()
	p.calling = false
	p.changed.Broadcast()
}

func appendLines(dst []byte, b *publish.Batch) []byte {
	for i := range b.Records {
		r := &b.Records[i]
		if r.Topic.Channel.Events() {
			dst = append(dst, b.Value(r)...)
			dst = append(dst, '\n')
		}
	}
	return dst
}

func explain(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return failure.Stop("start it again with a reader that stays: it goes on where it stopped", "stdout was closed by its reader")
	}
	return failure.StopFrom(err, "", "stdout can't be written")
}
