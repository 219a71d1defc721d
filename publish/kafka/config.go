package kafka

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// Config says which cluster to publish to and how. Its zero values are the
// defaults, but for Brokers.
type Config struct {
	Brokers  []string    // host:port of some brokers; the others are learned from them
	ClientID string      // how the brokers' logs and quotas name us; "" is tailrace
	TLS      *tls.Config // nil for no TLS; a server name is filled in per broker
	SASL     sasl.Mechanism
	// Compression of record batches: none, snappy, lz4 or zstd; "" is snappy.
	Compression string
	// Linger is how long a batch that is not full waits for more records. With
	// 0, batches form only while earlier ones are on their way.
	Linger time.Duration
	// CreateTopics makes topics that are missing, with the brokers' defaults.
	CreateTopics bool
	// DeadLetter is the topic for records that are larger than their own topic
	// takes; "" makes such a record an error of the class Stop.
	DeadLetter string
	// Partitions is by how many partitions the records of a topic were spread
	// so far, as Publisher.Partitions reported it; nil if nothing is known.
	Partitions map[string]int32
	Log        *zap.Logger // nil for none

	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil but in tests with virtual time
}

const defaultPort = "9092"

// ParseURL reads kafka://host:port,host:port. A missing port is 9092. The
// address holds no user, path or options: those have keys of their own, and a
// password in an address would end up in logs. Errors are those of a wrong
// configuration.
func ParseURL(text string) (brokers []string, err error) {
	const form = "write it as kafka://host1:9092,host2:9092"
	rest, ok := strings.CutPrefix(text, "kafka://")
	if !ok {
		return nil, failure.Usage(form, "the address of Kafka does not begin with kafka://")
	}
	if strings.Contains(rest, "@") {
		return nil, failure.Usage("the login goes into publish.sasl", "the address of Kafka holds a user or password")
	}
	rest = strings.TrimSuffix(rest, "/")
	for one := range strings.SplitSeq(rest, ",") {
		// Each is read as an address of its own: a URL has room for one host.
		u, err := url.Parse("kafka://" + one)
		if err != nil || u.Hostname() == "" || u.Host != one {
			return nil, failure.Usage(form, "%q in the address of Kafka is no host and port", one)
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		brokers = append(brokers, net.JoinHostPort(u.Hostname(), port))
	}
	return brokers, nil
}

// local reports whether all brokers are on this machine.
func (c *Config) local() bool {
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
