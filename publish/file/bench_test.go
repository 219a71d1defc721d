package file_test

import (
	"testing"

	"github.com/tailrace/tailrace/publish"
)

// BenchmarkPublish has enough batches in flight that groups form.
func BenchmarkPublish(b *testing.B) {
	p := open(b, b.TempDir())
	topic := &publish.Topic{Name: "orders"}
	value := make([]byte, 400)
	for i := range value {
		value[i] = 'x'
	}
	const records, inFlight = 256, 128
	type slot struct {
		batch publish.Batch
		done  func(error)
	}
	free := make(chan *slot, inFlight)
	for range inFlight {
		s := new(slot)
		s.done = func(error) { free <- s }
		for range records {
			s.batch.Add(topic, 0, []byte(`{"id":1}`), value)
		}
		free <- s
	}
	b.SetBytes(records * int64(len(value)+1))
	b.ReportAllocs()
	for b.Loop() {
		s := <-free
		if err := p.Publish(b.Context(), &s.batch, s.done); err != nil {
			b.Fatal(err)
		}
	}
	must(b, p.Flush(b.Context()))
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
}
