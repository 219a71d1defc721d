package discard_test

import (
	"testing"

	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/discard"
	"github.com/tailrace/tailrace/publish/publishtest"
)

func TestPublisher(t *testing.T) {
	publishtest.Run(t, func(*testing.T) publishtest.Harness {
		return publishtest.Harness{
			Open:  func(*testing.T) publish.Publisher { return discard.Open() },
			Read:  func(*testing.T) map[string][]string { return nil },
			Names: func(*publish.Record) []string { return nil },
		}
	})
}

func TestOnlyEventsAreCounted(t *testing.T) {
	p := discard.Open()
	defer p.Close()
	var b publish.Batch
	b.Add(&publish.Topic{Name: "orders"}, 0, []byte("key"), []byte("value"))
	b.Add(&publish.Topic{Name: "orders"}, 0, nil, []byte("value"))
	b.Add(&publish.Topic{Name: "control", Channel: publish.Control}, 0, nil, []byte("value"))
	b.Add(&publish.Topic{Name: "progress", Channel: publish.Progress}, 0, nil, []byte("value"))
	if err := p.Publish(t.Context(), &b, func(error) {}); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Records(), int64(3); got != want {
		t.Errorf("got %d records, want %d", got, want)
	}
	if got, want := p.Bytes(), int64(len("key")+3*len("value")); got != want {
		t.Errorf("got %d bytes, want %d", got, want)
	}
}
