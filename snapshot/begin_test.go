package snapshot_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/capture"
	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/snapshot"
)

// listing is a Copier of which only the tables are asked for.
type listing struct {
	source
	tables []string
	err    error
}

func (l *listing) Tables(context.Context) ([]capture.Extent, error) {
	var all []capture.Extent
	for _, t := range l.tables {
		all = append(all, capture.Extent{Table: t})
	}
	return all, l.err
}

func TestWhatIsToBeCopied(t *testing.T) {
	begun := []checkpoint.KeyRange{{After: []string{"7"}}}
	for _, c := range []struct {
		name    string
		mode    snapshot.Mode
		copyNew bool
		tables  []string
		state   *checkpoint.Snapshot // of a pipeline that has run, unless it is new
		fresh   bool
		other   bool // tables are selected otherwise than before
		moved   bool // to another log
		want    *checkpoint.Snapshot
	}{
		{
			"a first start copies all tables", snapshot.Initial, false,
			[]string{"s.a", "s.b"},
			nil, true, false, false,
			&checkpoint.Snapshot{First: true, Life: 1, Copies: []checkpoint.TableCopy{{Table: "s.a", Since: 1}, {Table: "s.b", Since: 1}}},
		},
		{"a first start without copies has none", snapshot.Never, true, []string{"s.a"}, nil, true, false, false, nil},
		{
			"a checkpoint from before there were copies needs none", snapshot.Initial, true,
			[]string{"s.a"},
			nil, false, false, false,
			&checkpoint.Snapshot{First: true, Copied: []string{"s.a"}},
		},
		{
			"who wants nothing but a copy gets one", snapshot.Only, false,
			[]string{"s.a"},
			nil, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 1, Copies: []checkpoint.TableCopy{{Table: "s.a"}}},
		},
		{
			"a copy goes on where it was, in another life", snapshot.Initial, false,
			[]string{"s.a", "s.b"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}, Copies: []checkpoint.TableCopy{{Table: "s.b", Since: 1, Begun: true, Left: begun}}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 4, Copied: []string{"s.a"}, Copies: []checkpoint.TableCopy{{Table: "s.b", Since: 1, Begun: true, Left: begun}}},
		},
		{
			"where all is copied nothing changes", snapshot.Initial, true,
			[]string{"s.a"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}},
		},
		{
			"a table that was added to the configuration is copied", snapshot.Initial, false,
			[]string{"s.a", "s.new"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}}, false, true, false,
			&checkpoint.Snapshot{First: true, Life: 4, Copied: []string{"s.a"}, Copies: []checkpoint.TableCopy{{Table: "s.new"}}},
		},
		{
			"a table that was made since is in the stream from its first row on", snapshot.Initial, false,
			[]string{"s.a", "s.new"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a", "s.new"}},
		},
		{
			"a table that was made since is copied where the stream lacks its first rows", snapshot.Initial, true,
			[]string{"s.a", "s.new"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 4, Copied: []string{"s.a"}, Copies: []checkpoint.TableCopy{{Table: "s.new", Since: 4}}},
		},
		{
			"a table that is captured no more is forgotten", snapshot.Initial, false,
			[]string{"s.b"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a", "s.b"}}, false, true, false,
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.b"}},
		},
		{
			"without copies only what was asked for goes on, and what is not copied stays so", snapshot.Never, false,
			[]string{"s.a", "s.b"},
			&checkpoint.Snapshot{First: true, Life: 3, Asked: 1, Copies: []checkpoint.TableCopy{{Table: "s.a", Since: 1}, {ID: 1, Table: "s.b", Since: 2}}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 4, Asked: 1, Copies: []checkpoint.TableCopy{{Table: "s.a", Since: 1}, {ID: 1, Table: "s.b", Since: 2}}},
		},
		{
			"a copy that waits for another mode is no life", snapshot.Never, false,
			[]string{"s.a"},
			&checkpoint.Snapshot{First: true, Life: 3, Copies: []checkpoint.TableCopy{{Table: "s.a", Since: 1}}}, false, false, false,
			&checkpoint.Snapshot{First: true, Life: 3, Copies: []checkpoint.TableCopy{{Table: "s.a", Since: 1}}},
		},
		{
			"a table without a key whose view is of another log is copied again", snapshot.Initial, false,
			[]string{"s.a"},
			&checkpoint.Snapshot{First: true, Life: 3, Copied: []string{"s.a"}, Hidden: []checkpoint.HiddenTable{{Table: "s.a", View: "1", End: "9"}}}, false, false, true,
			&checkpoint.Snapshot{First: true, Life: 4, Copied: []string{"s.a"}, Copies: []checkpoint.TableCopy{{Table: "s.a"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			copies := snapshot.New(snapshot.Config{Copier: &listing{tables: c.tables}, Mode: c.mode, CopyNew: c.copyNew})
			st := checkpoint.State{Position: "100", Snapshot: c.state}
			if c.fresh {
				st = checkpoint.State{}
			}
			next := st
			next.Position = "100"
			if c.moved {
				next.Epoch++
			}
			before, err := st.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := copies.Begin(t.Context(), st, next, !c.other)
			if err != nil {
				t.Fatal(err)
			}
			if !same(got.Snapshot, c.want) {
				t.Errorf("got %+v, want %+v", got.Snapshot, c.want)
			}
			if after, err := st.Encode(); err != nil || !slices.Equal(before, after) {
				t.Errorf("the former state was altered: %s", after)
			}
		})
	}
}

// same compares what a checkpoint would hold.
func same(a, b *checkpoint.Snapshot) bool {
	x, err1 := checkpoint.State{Snapshot: a}.Encode()
	y, err2 := checkpoint.State{Snapshot: b}.Encode()
	return err1 == nil && err2 == nil && slices.Equal(x, y)
}

func TestAServerThatDoesNotAnswerIsNoEmptyDatabase(t *testing.T) {
	away := failure.Retry(errors.New("away"))
	copies := snapshot.New(snapshot.Config{Copier: &listing{err: away}, Mode: snapshot.Initial})
	st := checkpoint.State{Position: "100", Snapshot: &checkpoint.Snapshot{First: true, Life: 1, Copied: []string{"s.a"}}}
	got, err := copies.Begin(t.Context(), st, st, true)
	if !errors.Is(err, away) {
		t.Errorf("got error %v, want %v", err, away)
	}
	if !reflect.DeepEqual(got, st) {
		t.Errorf("got %+v with the error, want the state as it was", got)
	}
}

func TestNothingCanBeAskedForBetweenTwoLives(t *testing.T) {
	copies := snapshot.New(snapshot.Config{Copier: &source{w: newWorld(rand.New(rand.NewPCG(1, 1)), 3)}, Mode: snapshot.Never})
	if _, err := copies.Ask(t.Context(), []string{"s.a"}, ""); err == nil {
		t.Error("Ask: got no error")
	}
	if err := copies.Cancel(t.Context(), 1); err == nil {
		t.Error("Cancel: got no error")
	}
	if got := copies.Progress(); got.Active {
		t.Errorf("got %+v, want nothing under way", got)
	}
}
