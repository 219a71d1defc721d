package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/encode"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
)

// told is what Doing says, but for its times.
func told(d pipeline.Doing) string {
	s := string(d.Phase)
	for _, is := range []struct {
		so   bool
		what string
	}{{d.Idle, "idle"}, {d.Lag > 0, "lag"}, {d.Sink > 0, "sink"}, {d.Save > 0, "save"}} {
		if is.so {
			s += " " + is.what
		}
	}
	for _, why := range []string{d.Why, d.WhySave, d.Stuck} {
		if why != "" {
			s += ": " + why
		}
	}
	return s
}

// TestDoingSaysWhatIsWaitedFor looks at a pipeline ten seconds after it has met
// something, and again after that is over.
func TestDoingSaysWhatIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(p *pipeline.Pipeline, over *atomic.Bool)
		want   string
	}{
		{"nothing: the log has nothing more", func(*pipeline.Pipeline, *atomic.Bool) {}, "following idle lag"},
		{"the checkpoint before the first start", func(p *pipeline.Pipeline, over *atomic.Bool) {
			p.Store = &awayStore{Store: p.Store, over: over}
		}, "starting lag: the store is away"},
		{"the sink before the first start", func(p *pipeline.Pipeline, over *atomic.Bool) {
			open := p.OpenSink
			p.OpenSink = func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
				if !over.Load() {
					return nil, errSink
				}
				return open(ctx, st)
			}
		}, "starting lag: the sink is away"},
		{"the source in the middle", func(p *pipeline.Pipeline, over *atomic.Bool) {
			p.Source = &hookSource{Source: p.Source, next: func(_ context.Context, n int) error {
				if n == 3 && !over.Load() {
					return errCut
				}
				return nil
			}}
		}, "waiting lag: the connection was cut"},
		{"a sink that does not answer", func(p *pipeline.Pipeline, over *atomic.Bool) {
			open := p.OpenSink
			p.OpenSink = func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
				sink, err := open(ctx, st)
				return &lateSink{Publisher: sink, over: over}, err
			}
		}, "following lag sink"},
		{"saves that fail", func(p *pipeline.Pipeline, over *atomic.Bool) {
			p.Store = &hookStore{Store: p.Store, save: func(n int, _ checkpoint.State) error {
				if n > 1 && !over.Load() {
					return errSave
				}
				return nil
			}}
		}, "following lag save: the store is away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p, _, ctx, cancel := w.start()
				defer cancel()
				p.Until = ""
				var over atomic.Bool
				c.damage(p, &over)
				done := make(chan error, 1)
				go func() { done <- p.Run(ctx) }()

				at(t, 10*time.Second)
				if got := told(p.Stats.Doing(time.Now())); got != c.want {
					t.Errorf("after ten seconds: got %q, want %q", got, c.want)
				}
				over.Store(true)
				at(t, 40*time.Second)
				if got, want := told(p.Stats.Doing(time.Now())), "following idle lag"; got != want {
					t.Errorf("once it is over: got %q, want %q", got, want)
				}
				if st := p.Stats.State(); passed(st.Position) != len(w.log.entries) {
					t.Errorf("the state is at %q, want the end of the log", st.Position)
				}
				cancel()
				wantCode(t, <-done, failure.ExitOK)
				if got := p.Stats.Doing(time.Now()).Phase; got != pipeline.Draining {
					t.Errorf("after SIGTERM: got %q, want draining", got)
				}
			})
		})
	}
}

// at waits until everything has come to rest that happens within d.
func at(t *testing.T, d time.Duration) {
	t.Helper()
	if err := wait(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// An awayStore can't be reached until it is over.
type awayStore struct {
	checkpoint.Store
	over *atomic.Bool
}

func (s *awayStore) Acquire(ctx context.Context) (checkpoint.State, error) {
	if !s.over.Load() {
		return checkpoint.State{}, errSave
	}
	return s.Store.Acquire(ctx)
}

// A lateSink takes a batch and gives it on once it is over.
type lateSink struct {
	publish.Publisher
	over *atomic.Bool
}

func (s *lateSink) Publish(ctx context.Context, b *publish.Batch, done func(error)) error {
	for !s.over.Load() {
		if err := wait(ctx, time.Second); err != nil {
			return err
		}
	}
	return s.Publisher.Publish(ctx, b, done)
}

func TestDoingTellsOfAStepThatDoesNotEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		workers int
		want    string
	}{
		{"the reader encodes", 1, "the reader"},
		{"others encode", 3, "an encoder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				p, _, ctx, cancel := w.start()
				defer cancel()
				p.Workers = c.workers
				hang := make(chan struct{})
				p.NewEncoder = func() encode.Encoder { return hangingEncoder{hang: hang} }
				done := make(chan error, 1)
				go func() { done <- p.Run(ctx) }()
				at(t, pipeline.Work)
				if got := p.Stats.Doing(time.Now()).Stuck; got != "" {
					t.Errorf("got %q stuck after %s, want nothing yet", got, pipeline.Work)
				}
				at(t, time.Second)
				if got := p.Stats.Doing(time.Now()).Stuck; got != c.want {
					t.Errorf("got %q stuck, want %q", got, c.want)
				}
				close(hang)
				wantCode(t, <-done, failure.ExitOK)
				if got := p.Stats.Doing(time.Now()).Stuck; got != "" {
					t.Errorf("got %q stuck once it has gone on, want nothing", got)
				}
			})
		})
	}
}

// A hangingEncoder is stuck in its first event until the test lets it go.
type hangingEncoder struct {
	encoder
	hang chan struct{}
}

func (e hangingEncoder) AppendValue(dst []byte, c *event.Change) ([]byte, error) {
	<-e.hang
	return e.encoder.AppendValue(dst, c)
}

func TestChangesAreCountedByTableAndOperation(t *testing.T) {
	orders := tableOf(t, "orders", []string{"id"}, 0)
	items := tableOf(t, "items", []string{"id"}, 0)
	changes := []event.Change{
		{Op: event.Insert, Table: orders, After: rowOf("1")},
		{Op: event.Insert, Table: items, After: rowOf("1")},
		{Op: event.Insert, Table: orders, After: rowOf("2")},
		{Op: event.Delete, Table: orders, Before: rowOf("1")},
		{Op: event.Truncate, Table: items},
		{Op: event.Update, Table: orders, Before: rowOf("2"), After: rowOf("2")},
	}
	want := "public.items/c 1 1, public.items/t 1 1, public.orders/c 2 2, public.orders/u 1 1, public.orders/d 1 1"
	for _, control := range []bool{false, true} {
		var stats *pipeline.Stats
		_, err := publishing(t, changes, func(p *pipeline.Pipeline) { stats, p.Control = p.Stats, control })
		wantCode(t, err, failure.ExitOK)
		if got := listed(stats.Tables()); got != want {
			t.Errorf("truncates apart = %v: got %s, want %s", control, got, want)
		}
	}
}

func listed(counts []pipeline.TableCount) string {
	var all []string
	for _, c := range counts {
		all = append(all, fmt.Sprintf("%s/%c %d %d", c.Table, c.Op, c.Received, c.Published))
	}
	return strings.Join(all, ", ")
}

func TestTablesBeyondTheLimitAreCountedTogether(t *testing.T) {
	var changes []event.Change
	for i := range pipeline.MaxTables + 3 {
		table := tableOf(t, fmt.Sprintf("t%03d", i), []string{"id"}, 0)
		changes = append(changes, event.Change{Op: event.Insert, Table: table, After: rowOf("1")})
	}
	var stats *pipeline.Stats
	_, err := publishing(t, changes, func(p *pipeline.Pipeline) { stats = p.Stats })
	wantCode(t, err, failure.ExitOK)
	counts := stats.Tables()
	if len(counts) != pipeline.MaxTables+1 {
		t.Fatalf("got %d counts, want %d", len(counts), pipeline.MaxTables+1)
	}
	if got, want := counts[0], (pipeline.TableCount{Op: event.Insert, Received: 3, Published: 3}); got != want {
		t.Errorf("the rest: got %+v, want %+v", got, want)
	}
}

func TestAChangeThatCanNotBeEncodedIsNotCounted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p, _, ctx, cancel := w.start()
		defer cancel()
		bad := w.log.rows[50].ver
		p.NewEncoder = func() encode.Encoder { return encoder{poison: bad, stop: errPoison} }
		if err := p.Run(ctx); !errors.Is(err, errPoison) {
			t.Fatalf("Run: %v, want the encoder's error", err)
		}
		var published uint64
		for _, c := range p.Stats.Tables() {
			published += c.Published
		}
		if published != 50 {
			t.Errorf("got %d published, want the 50 before it", published)
		}
	})
}
