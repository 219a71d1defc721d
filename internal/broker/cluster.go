package broker

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/tailrace/tailrace/internal/failure"
)

// A Cluster says how to reach a cluster. Its zero values are the defaults, but
// for Brokers. It is read from any goroutine once it is filled in.
type Cluster struct {
	Brokers  []string    // host:port of some brokers; the others are learned from them
	ClientID string      // how the brokers' logs and quotas name us; "" is tailrace
	TLS      *tls.Config // nil for no TLS; a server name is filled in per broker
	SASL     sasl.Mechanism
	// Dial makes connections; nil for those of TCP. With it, TLS must be nil.
	Dial func(ctx context.Context, network, host string) (net.Conn, error)
}

// Options returns what every client of the cluster has. The error is one of a
// wrong configuration: a secret would be sent in clear to another machine.
func (c *Cluster) Options() ([]kgo.Opt, error) {
	if inClear(c.SASL) && c.TLS == nil && !c.local() {
		return nil, failure.Usage("set publish.tls, or use SCRAM-SHA-512",
			"SASL %s without TLS would send the secret in clear", c.SASL.Name())
	}
	id := c.ClientID
	if id == "" {
		id = "tailrace"
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(id),
		kgo.DisableClientMetrics(), // Close would wait a second to send them to a broker that is away
		kgo.MetadataMinAge(time.Second),
	}
	if c.TLS != nil {
		options = append(options, kgo.DialTLSConfig(c.TLS))
	}
	if c.SASL != nil {
		options = append(options, kgo.SASL(c.SASL))
	}
	if c.Dial != nil {
		options = append(options, kgo.Dialer(c.Dial))
	}
	return options, nil
}

// local reports whether all brokers are on this machine.
func (c *Cluster) local() bool {
	for _, b := range c.Brokers {
		host, _, err := net.SplitHostPort(b)
		if err != nil {
			host = b
		}
		if address, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !address.IsLoopback()) {
			return false
		}
	}
	return true
}
