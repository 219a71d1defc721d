package broker

import (
	"net"
	"net/url"
	"strings"

	"github.com/tailrace/tailrace/internal/failure"
)

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
