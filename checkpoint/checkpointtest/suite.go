// Package checkpointtest holds the behaviour that every checkpoint.Store has.
package checkpointtest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

// Pipeline is the name under which a Harness opens its Stores.
const Pipeline = "shop"

// A Harness is one place that keeps one checkpoint, empty at first.
type Harness struct {
	// Open returns a new Store on the place, as another process would. The
	// suite closes it.
	Open func(t *testing.T) checkpoint.Store
	// Damage alters what is kept, behind the Stores' back.
	Damage func(t *testing.T)
}

// Run runs the suite as subtests of t. It calls harness once for each.
func Run(t *testing.T, harness func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"what was never saved is the zero State", neverSaved},
		{"a saved State is loaded as it was", roundTrip},
		{"a Save replaces the State as a whole", replaced},
		{"the generation rises with each Acquire", generation},
		{"of two owners one is fenced", twoOwners},
		{"Close gives the pipeline back", givenBack},
		{"Load neither takes the pipeline nor alters it", loadOnly},
		{"an Acquire alone leaves the State as it was", acquireOnly},
		{"a damaged State is an error and never none", damaged},
		{"Save before Acquire fails", saveBeforeAcquire},
		{"Save after Close fails", saveAfterClose},
		{"nothing is saved when the context has ended", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, harness(t)) })
	}
}

func neverSaved(t *testing.T, h Harness) {
	s := h.open(t)
	equal(t, load(t, s), checkpoint.State{})
	got := acquire(t, s)
	if got.Generation == 0 {
		t.Error("the first Acquire returned generation 0")
	}
	got.Generation = 0
	equal(t, got, checkpoint.State{})
}

func roundTrip(t *testing.T, h Harness) {
	s := h.open(t)
	want := full(acquire(t, s).Generation)
	save(t, s, want)
	equal(t, load(t, s), want)
	equal(t, load(t, h.open(t)), want)
}

func replaced(t *testing.T, h Harness) {
	s := h.open(t)
	g := acquire(t, s).Generation
	save(t, s, full(g))
	want := checkpoint.State{Pipeline: Pipeline, Generation: g, Position: "lsn:0/2"}
	save(t, s, want)
	equal(t, load(t, h.open(t)), want)
}

func generation(t *testing.T, h Harness) {
	last := uint64(0)
	for range 3 {
		s := h.open(t)
		st := acquire(t, s)
		if st.Generation <= last {
			t.Errorf("got generation %d after %d", st.Generation, last)
		}
		last = st.Generation
		save(t, s, full(last))
		closeStore(t, s)
	}
}

// twoOwners holds for a store that refuses the second owner and for one that
// turns the first one out.
func twoOwners(t *testing.T, h Harness) {
	first, second := h.open(t), h.open(t)
	mine := full(acquire(t, first).Generation)
	save(t, first, mine)
	_, err := second.Acquire(t.Context())
	if err == nil {
		err = first.Save(t.Context(), mine)
	} else {
		save(t, first, mine)
	}
	if !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("got error %v, want ErrFenced", err)
	}
	if got := failure.ExitCode(err); got != failure.ExitFenced {
		t.Errorf("got exit code %d, want %d", got, failure.ExitFenced)
	}
}

func givenBack(t *testing.T, h Harness) {
	first := h.open(t)
	save(t, first, full(acquire(t, first).Generation))
	closeStore(t, first)
	second := h.open(t)
	st := acquire(t, second)
	st.Position = "lsn:0/99"
	save(t, second, st)
	equal(t, load(t, second), st)
}

func loadOnly(t *testing.T, h Harness) {
	owner := h.open(t)
	want := full(acquire(t, owner).Generation)
	save(t, owner, want)
	for range 3 {
		equal(t, load(t, h.open(t)), want)
	}
	save(t, owner, want)
}

func acquireOnly(t *testing.T, h Harness) {
	owner := h.open(t)
	want := full(acquire(t, owner).Generation)
	save(t, owner, want)
	closeStore(t, owner)
	second := h.open(t)
	acquire(t, second)
	closeStore(t, second)
	got := load(t, h.open(t))
	got.Generation = want.Generation // a shared store must write it at once, a locked one need not
	equal(t, got, want)
}

func damaged(t *testing.T, h Harness) {
	owner := h.open(t)
	save(t, owner, full(acquire(t, owner).Generation))
	closeStore(t, owner)
	h.Damage(t)
	s := h.open(t)
	for name, read := range map[string]func(context.Context) (checkpoint.State, error){
		"Load": s.Load, "Acquire": s.Acquire,
	} {
		st, err := read(t.Context())
		if !errors.Is(err, checkpoint.ErrCorrupt) {
			t.Errorf("%s: got error %v, want ErrCorrupt", name, err)
		}
		if got := failure.ExitCode(err); got != failure.ExitStop {
			t.Errorf("%s: got exit code %d, want %d", name, got, failure.ExitStop)
		}
		equal(t, st, checkpoint.State{})
	}
}

func saveBeforeAcquire(t *testing.T, h Harness) {
	s := h.open(t)
	if err := s.Save(t.Context(), full(1)); err == nil {
		t.Error("Save before Acquire returned nil")
	}
	equal(t, load(t, s), checkpoint.State{})
}

func saveAfterClose(t *testing.T, h Harness) {
	s := h.open(t)
	want := full(acquire(t, s).Generation)
	save(t, s, want)
	closeStore(t, s)
	late := want
	late.Position = "lsn:0/99"
	if err := s.Save(t.Context(), late); err == nil {
		t.Error("Save after Close returned nil")
	}
	equal(t, load(t, h.open(t)), want)
}

func endedContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := h.open(t)
	want := full(acquire(t, s).Generation)
	save(t, s, want)
	late := want
	late.Position = "lsn:0/99"
	if err := s.Save(ctx, late); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	equal(t, load(t, s), want)
}

// full is a State in which no field is zero.
func full(generation uint64) checkpoint.State {
	return checkpoint.State{
		Pipeline:   Pipeline,
		Generation: generation,
		Source:     checkpoint.Identity{Connector: "postgresql", System: "7301234567890123456", Timeline: 2},
		Position:   "lsn:0/16B3748",
		Epoch:      3,
		Ver:        event.Ver{Epoch: 3, Commit: 0x16b3748, Event: 0x16b3700, Row: 4},
		Bound:      0x16b3740,
		Selection:  "9f86d081884c7d65",
		From:       "earliest",
		Partitions: map[string]int32{"shop.public.orders": 12},
		Memory:     json.RawMessage(`{"keys":{"16385":["id"]}}`),
	}
}

func (h Harness) open(t *testing.T) checkpoint.Store {
	t.Helper()
	s := h.Open(t)
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func acquire(t *testing.T, s checkpoint.Store) checkpoint.State {
	t.Helper()
	st, err := s.Acquire(t.Context())
	if err != nil {
		t.Fatalf("acquire: %v", err)
	}
	return st
}

func load(t *testing.T, s checkpoint.Store) checkpoint.State {
	t.Helper()
	st, err := s.Load(t.Context())
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return st
}

func save(t *testing.T, s checkpoint.Store, st checkpoint.State) {
	t.Helper()
	if err := s.Save(t.Context(), st); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func closeStore(t *testing.T, s checkpoint.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func equal(t *testing.T, got, want checkpoint.State) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
