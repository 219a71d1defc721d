package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tailrace/tailrace/internal/failure"
)

// A keeper keeps a stream's connection alive however slow the pipeline is, and
// tells the server what is confirmed. As long as it runs, nobody else writes.
type keeper struct {
	conn      net.Conn
	side      *side
	confirmed atomic.Uint64
	wake      chan struct{} // one token: report now
	stop      chan struct{}
	stopped   chan struct{}
	// reason, once set, is why the keeper closed the connection.
	reason atomic.Pointer[error]
}

func startKeeper(conn net.Conn, side *side, at lsn) *keeper {
	k := &keeper{
		conn: conn, side: side,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	k.confirmed.Store(uint64(at))
	k.report()
	go k.run()
	return k
}

// report asks for a status update soon. It never waits.
func (k *keeper) report() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	defer close(k.stopped)
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // a ping must not outlive the stream
		select {
		case <-k.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		ask := false
		select {
		case <-k.stop:
			return
		case <-k.wake:
		case <-tick.C:
			ask = true
		}
		// The report comes first: the question may take as long as the time
		// between two, and the server waits for three at most.
		if err := k.send(); err != nil {
			k.end(failure.Retry(fmt.Errorf("report to the server: %w", err)))
			return
		}
		if ask && k.serverLeaves(ctx) {
			k.end(failure.Retry(errors.New("the server is shutting down")))
			return
		}
	}
}

// serverLeaves reports whether the server wants to shut down. It would wait
// for a reader that is held back by its sink, and our reports keep it from
// giving up (C3.5); ordinary sessions are told at once.
func (k *keeper) serverLeaves(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, statusInterval)
	defer cancel()
	var pg *pgconn.PgError
	return errors.As(k.side.ping(ctx), &pg) && (pg.Code == "57P01" || pg.Code == "57P03")
}

// send writes a Standby status update. It asks for an answer each time, so
// that silence means that the server is gone, and so that an idle server says
// where its log ends (C1.6).
func (k *keeper) send() error {
	if err := k.conn.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	_, err := k.conn.Write(statusUpdate(lsn(k.confirmed.Load())))
	return err
}

// statusUpdate is a CopyData message that holds a Standby status update
// ("Streaming Replication Protocol"). Written, flushed and applied are the
// same here: what is confirmed is durable.
func statusUpdate(at lsn) []byte {
	b := make([]byte, 0, 40)
	b = append(b, 'd', 0, 0, 0, 38, 'r')
	for range 3 {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
	}
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixMicro()-postgresEpoch))
	return append(b, 1)
}

// end closes the connection, which ends the reader's next read.
func (k *keeper) end(reason error) {
	k.reason.CompareAndSwap(nil, &reason) // what comes after is a consequence
	_ = k.conn.Close()
}

// close ends the keeper's goroutine.
func (k *keeper) close() {
	close(k.stop)
	<-k.stopped
}
