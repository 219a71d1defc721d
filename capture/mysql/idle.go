package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/tailrace/tailrace/internal/failure"
)

// idle is how long nothing but heartbeats may come before the server is asked.
const idle = 30 * time.Second

// idleness notices a log that was begun anew (RESET) while nothing came. The
// server leaves the dump of the old one connected, which hears heartbeats and no
// change until the new log is longer.
type idleness struct {
	here  uint64    // up to where the log was read when that last changed
	since time.Time // when that was, or when the server was last asked
}

// look is called when there is nothing to hand on, which heartbeats make happen
// every few seconds. Its error is a Retry: Locate finds out what became of the log.
func (i *idleness) look(ctx context.Context, s *stream) error {
	now := time.Now()
	if here := s.place.now(); here != i.here || i.since.IsZero() {
		i.here, i.since = here, now
		return nil
	}
	if s.place.file == "" || now.Sub(i.since) < s.src.idle {
		return nil
	}
	i.since = now
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	end, err := s.src.logEnd(ctx)
	if errors.Is(err, errElsewhere) {
		return err // changes are made there now
	}
	at := position{file: s.place.file, offset: s.place.end}
	if err != nil || end.file == "" || !before(&end, &at) && (end.file != at.file || end.offset >= at.offset) {
		return nil // who can't be asked may still send its log
	}
	return failure.Retry(fmt.Errorf("the server's log ends at %s, before %s, which was read", end.place(), at.place()))
}

// logEnd asks where the log ends, by file.
func (s *Source) logEnd(ctx context.Context) (end position, err error) {
	err = s.ask(ctx, "ask for the log's end", func(c *client.Conn) error {
		end, err = s.queryEnd(c)
		return err
	})
	return end, err
}

// queryEnd asks where the log ends, by file; that is "" if there is no log.
func (s *Source) queryEnd(c *client.Conn) (end position, err error) {
	status, err := first(queryRecords(c, s.server.statusStatement()))
	end.file = status["file"]
	end.offset, _ = strconv.ParseUint(status["position"], 10, 64)
	return end, err
}
