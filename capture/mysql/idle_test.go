package mysql_test

import (
	"context"
	"testing"
	"time"

	"github.com/tailrace/tailrace/capture/capturetest"
	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/failure"
)

// Nobody writes after the log was begun anew: the server says nothing of it.
func TestALogThatIsBegunAnewWhileNothingComes(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
			d.Exec(t, orders)
			r, src := d.impatient(t)
			for range 3 {
				d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			}
			if got := len(r.ToEnd()); got != 3 {
				t.Fatalf("read %d events, want 3", got)
			}
			reset(t, d)
			ctx := within(t)
			var err error
			for err == nil {
				_, err = r.Next(ctx)
			}
			if ctx.Err() != nil || !failure.Retryable(err) {
				t.Fatalf("the stream ends with %v, want a Retry", err)
			}
			r.Close()
			_, err = src.Locate(within(t), r.State, "")
			wantLost(t, err)
		})
	}
}

func TestALogThatIsStillIsReadOn(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			d := newSource(t, pool.Server(t, kind.product, kind.settings).Database(t), nil)
			d.Exec(t, orders)
			r, _ := d.impatient(t)
			asked := func() (n uint64) {
				for _, row := range d.Rows(t, "SHOW GLOBAL STATUS WHERE Variable_name IN "+
					"('Com_show_binary_log_status', 'Com_show_binlog_status', 'Com_show_master_status')") {
					n += number(t, row[1])
				}
				return n
			}
			before := asked()
			eventually.True(t, patience, "the server is asked where its log ends, again and again", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				if u, err := r.Next(ctx); len(u.Events) > 0 || err != nil && ctx.Err() == nil {
					t.Fatalf("got %v, %v; want nothing", u.Events, err)
				}
				return asked() >= before+3
			})
			d.Exec(t, "INSERT INTO orders VALUES (NULL)")
			if got := len(r.ToEnd()); got != 1 {
				t.Errorf("read %d events, want 1", got)
			}
		})
	}
}

// impatient reads from now on, and asks the server after a moment of silence.
func (d source) impatient(t *testing.T) (*capturetest.Reader, *mysql.Source) {
	t.Helper()
	src := d.Source(t).(*mysql.Source)
	src.SetIdle(100 * time.Millisecond)
	return capturetest.Start(t, src, checkpoint.State{}, event.Now), src
}
