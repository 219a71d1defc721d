package kafka_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tailrace/tailrace/publish/kafka"
)

// What a broker in Java reads block by block begins with the header of snappy-java.
func TestSnappyIsFramedAsKafkasJavaClientDoes(t *testing.T) {
	header := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
	for _, c := range []struct {
		name, value string
		codec       int16
	}{
		{"several frames", strings.Repeat("a row of the shop ", 10_000), 2},
		{"one frame", strings.Repeat("row ", 100), 2},
		{"a batch that would become longer is sent as it is", "row", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := fake(t, orders, 1)
			var sent kmsg.RecordBatch
			cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if err := sent.ReadFrom(r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records); err != nil {
					t.Error(err)
				}
				return nil, nil, false
			})
			p := open(t, kafka.Config{Cluster: at(cluster.ListenAddrs()...)})
			must(t, result(t, p, batch(orders, c.value)))
			if codec := sent.Attributes & 7; codec != c.codec || bytes.HasPrefix(sent.Records, header) != (c.codec == 2) {
				t.Errorf("got codec %d and records that begin with %.20q, want codec %d, and with Snappy %q", codec, sent.Records, c.codec, header)
			}
			got := stored(t, cluster.ListenAddrs(), orders)[orders]
			if len(got) != 1 || string(got[0].Value) != c.value {
				t.Errorf("got %d records, want one of %d bytes, as published", len(got), len(c.value))
			}
		})
	}
}
