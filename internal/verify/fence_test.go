package verify_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/eventually"
	"github.com/tailrace/tailrace/internal/verify"
)

func TestWatchKeepsClaimsWithTheSizesOfTheFiles(t *testing.T) {
	events, checkpoint := t.TempDir(), filepath.Join(t.TempDir(), "checkpoint.json")
	put(t, filepath.Join(events, "shop.public.stock.ndjson"), "12345\n")
	put(t, filepath.Join(events, "_progress.ndjson"), mark(0x1000)+"\n"+mark(0x2000)+"\n"+`{"torn`)
	put(t, checkpoint, `{"state":{"bound":12288,"epoch":0,"ver":"00000000/0000000000004000/0000000000000001/00000000"}}`)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	got, err := verify.Watch(ctx, verify.Files(events), checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("got %d fences, want 2: %v", len(got), got)
	}
	if f := got[0]; f.Below != below(0x3000) || !strings.Contains(f.Through, "/0000000000004000/") || f.Sizes[stock] != 6 {
		t.Errorf("of the checkpoint: got %+v", f)
	}
	if f := got[1]; f.Below != below(0x2000) || f.Through != "" || f.Sizes[stock] != 6 {
		t.Errorf("of progress: got %+v", f)
	}
}

func TestWatchFindsACheckpointThatGoesBack(t *testing.T) {
	events, checkpoint := t.TempDir(), filepath.Join(t.TempDir(), "checkpoint.json")
	put(t, checkpoint, `{"state":{"bound":12288}}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := verify.Watch(ctx, verify.Files(events), checkpoint)
		ended <- err
	}()
	var err error
	bound := "12288"
	eventually.True(t, time.Minute, "the watcher ends", func() bool {
		// The first may come before the watcher has looked: then it goes on and
		// back again.
		bound = map[string]string{"12288": "8192", "8192": "12288"}[bound]
		put(t, checkpoint+".new", `{"state":{"bound":`+bound+`}}`)
		if err := os.Rename(checkpoint+".new", checkpoint); err != nil {
			t.Fatal(err)
		}
		select {
		case err = <-ended:
			return true
		case <-time.After(30 * time.Millisecond):
			return false
		}
	})
	var v *verify.Violation
	if !errors.As(err, &v) || !strings.Contains(v.What, "goes back") {
		t.Errorf("got %v, want a violation", err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
