package postgres_test

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/capture/postgres"
	"github.com/tailrace/tailrace/internal/failure"
)

// The first byte of a MySQL's greeting is its length, and for Postgres the kind of
// a message.
func TestWhatIsNoPostgresIsSaidToBeNone(t *testing.T) {
	for name, length := range map[string]int{
		"an unknown message":        'J',
		"a key of the wrong length": 'K',
		"an error without a code":   'E',
		"a message out of place":    'n',
	} {
		t.Run(name, func(t *testing.T) {
			greeting := append([]byte{byte(length), 0, 0, 0, 10}, "9.7.0\x00"...)
			greeting = append(greeting, bytes.Repeat([]byte{1}, length-7)...)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Write(greeting)
					_, _ = c.Read(make([]byte, 1024)) // closed unread it would be reset
					_ = c.Close()
				}
			}()
			src, err := postgres.New(postgres.Config{Name: "test", URL: "postgres://u@" + l.Addr().String() + "/d?sslmode=disable"})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			err = src.Check(t.Context())
			want := "what answers at " + l.Addr().String() + " does not speak the protocol of Postgres"
			if !failure.Retryable(err) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want a Retry with %q", err, want)
			}
		})
	}
}
