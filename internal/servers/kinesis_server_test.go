package servers_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

func TestKinesaliteKeepsWhatItAcknowledgedThroughStopAndKill(t *testing.T) {
	t.Parallel()
	s := servers.NewKinesis(t, local.Kinesalite)
	stream := s.Stream(t, 2)
	w := newKinesisWriter(&s.KinesisServer, stream)
	w.round(t, 500, "")
	s.Restart(t)
	w.check(t, s.Consume(t, stream))
	w.round(t, 500, "")
	s.Kill(t)
	if _, err := s.Streams(t.Context()); err == nil {
		t.Error("ask one that was killed: got no error")
	}
	s.Start(t)
	w.check(t, s.Consume(t, stream))
	s.Freeze(t)
	s.Thaw(t)
	w.round(t, 500, "")
	w.check(t, s.Consume(t, stream))
}

func TestKinesisLocalForgetsItsStreamsWhenItEnds(t *testing.T) {
	t.Parallel()
	s := servers.NewKinesis(t, local.KinesisLocal)
	s.Stream(t, 1)
	before, err := s.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	after, err := s.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before)-1 {
		t.Errorf("streams after a restart: got %v, want one less than %v", after, before)
	}
}
