package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// handed has the ports that freePort has returned: a server that was given one may not
// listen there yet, or only later again.
var handed sync.Map

// freePort returns a loopback port that nobody listens on, and that it has not returned
// before. It lies below the kernel's ephemeral ports, so that no outgoing connection
// takes it while a server restarts.
func freePort() (int, error) {
	const low, high = 20000, 32000
	for range 100 {
		port := low + rand.IntN(high-low)
		if _, was := handed.LoadOrStore(port, true); was {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("give back port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, errors.New("find a free port: none of 100 was free")
}
