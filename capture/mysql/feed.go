package mysql

import "io"

// A feed reads events one after another out of a reader, each whole in memory.
type feed struct {
	r    io.Reader
	max  int // longest piece
	buf  []byte
	i, n int // buf[i:n] is read and not yet taken
	err  error
}

// feedBuffer is how much is read at once.
const feedBuffer = 64 << 10

func newFeed(r io.Reader, maxEvent int) *feed { return &feed{r: r, max: maxEvent + 64} }

// peek returns the next n bytes, valid until the next call of peek. With fewer
// left the error is io.EOF if there is nothing, else io.ErrUnexpectedEOF. The
// buffer grows with what comes, not with n.
func (f *feed) peek(n int) ([]byte, error) {
	if n > f.max {
		panic("mysql: a feed was asked for more than an event may have")
	}
	for f.n-f.i < n && f.err == nil {
		f.read()
	}
	if f.n-f.i >= n {
		return f.buf[f.i : f.i+n : f.i+n], nil
	}
	if f.err == io.EOF && f.n > f.i {
		return f.buf[f.i:f.n], io.ErrUnexpectedEOF
	}
	return nil, f.err
}

func (f *feed) read() {
	if f.i > 0 && (f.i == f.n || len(f.buf)-f.n < feedBuffer/2) {
		f.n = copy(f.buf, f.buf[f.i:f.n])
		f.i = 0
	}
	if len(f.buf) == f.n {
		grown := make([]byte, max(feedBuffer, 2*len(f.buf)))
		copy(grown, f.buf[:f.n])
		f.buf = grown
	}
	n, err := f.r.Read(f.buf[f.n:])
	f.n += n
	f.err = err
}

// skip takes n bytes that were peeked.
func (f *feed) skip(n int) { f.i += n }

// discard takes n bytes that are not looked at.
func (f *feed) discard(n int) error {
	for n > 0 {
		if f.i == f.n {
			if f.err != nil {
				return unexpected(f.err)
			}
			f.read()
			continue
		}
		k := min(n, f.n-f.i)
		f.i += k
		n -= k
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
