package kafka_test

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/publish/kafka"
)

func TestNothingIsLostOrMovedWhileEveryConnectionDiesSoon(t *testing.T) {
	t.Parallel()
	const lives = 12
	cluster := servers.Kafka(t)
	topic := cluster.Prefix + "orders"
	cluster.CreateTopic(t, topic, 1, nil)
	var dialed atomic.Int64
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil && dialed.Add(1) <= lives {
			time.AfterFunc(500*time.Millisecond+rand.N(time.Second), func() { _ = conn.Close() }) // that is the fault
		}
		return conn, err
	}
	p := open(t, kafka.Config{Cluster: broker.Cluster{Brokers: []string{cluster.Plain}, Dial: dial}})
	l := newLoad(topic)
	for start := time.Now(); dialed.Load() <= lives; {
		l.publish(t, p, 100)
		if time.Since(start) > 2*limit {
			t.Fatalf("got %d connections within %v, want more than %d", dialed.Load(), 2*limit, lives)
		}
	}
	l.finish(t, p, cluster.Plain)
}

// What is answered to any request by what is no broker: the size of the response,
// the number of the request and what follows.
func TestAnAnswerThatIsNoneIsAnErrorAndTakesNoMemory(t *testing.T) {
	most := []byte{0xff, 0xff, 0xff, 0xff, 0x0f} // a length of 4 GiB where lengths are compact
	for _, c := range []struct {
		name   string
		answer func(number []byte) []byte
	}{
		{"nothing", func([]byte) []byte { return nil }},
		{"a negative size", func([]byte) []byte { return []byte{0x80, 0, 0, 0} }},
		{"a size of 2 GiB", func([]byte) []byte { return []byte{0x7f, 0xff, 0xff, 0xff} }},
		{"another request's number", func([]byte) []byte { return []byte{0, 0, 0, 4, 0x7f, 1, 2, 3} }},
		{"an array of 2 GiB", func(n []byte) []byte { return sized(n, 0, 0, 0x7f, 0xff, 0xff, 0xff) }},
		{"a negative array", func(n []byte) []byte { return sized(n, 0, 0, 0x80, 0, 0, 0) }},
		{"a compact array of 4 GiB", func(n []byte) []byte { return sized(n, append([]byte{0, 0}, most...)...) }},
		{"an answer that ends early", func(n []byte) []byte { return sized(n, 0) }},
		{"text", func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := stranger(t, c.answer)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			p, err := kafka.Open(ctx, kafka.Config{Cluster: at(address)})
			if err == nil {
				_ = p.Close() // there is an error to report
			}
			if err == nil || !failure.Retryable(err) {
				t.Errorf("got error %v, want a Retry", err)
			}
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
				t.Errorf("got %d MiB allocated, want at most 64", got>>20)
			}
		})
	}
}

func sized(number []byte, rest ...byte) []byte {
	all := binary.BigEndian.AppendUint32(nil, uint32(len(number)+len(rest)))
	return append(append(all, number...), rest...)
}

// stranger listens and answers each request with what answer makes of its number.
func stranger(t *testing.T, answer func(number []byte) []byte) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					// Size, key, version and number of the request (Kafka protocol, Request Header).
					head := make([]byte, 12)
					if _, err := io.ReadFull(conn, head); err != nil {
						return
					}
					rest := int64(binary.BigEndian.Uint32(head)) - 8
					if _, err := io.CopyN(io.Discard, conn, rest); err != nil {
						return
					}
					response := answer(head[8:])
					if _, err := conn.Write(response); err != nil || response == nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}
