package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tailrace/tailrace/internal/failure"
)

// Explain gives the class to an error of reaching a broker and logging in: Stop
// for what a person must mend, else Retry.
func (c *Cluster) Explain(err error) error {
	var (
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		plain     tls.RecordHeaderError
		remote    *net.OpError
		hungUp    *kgo.ErrFirstReadEOF
	)
	brokers := strings.Join(c.Brokers, ",")
	switch {
	case errors.As(err, &name):
		return failure.StopFrom(err, "use the name that the certificate was made for", "the certificate of Kafka at %s is for another host", brokers)
	case errors.As(err, &untrusted), errors.As(err, &authority):
		return failure.StopFrom(err, "check the CA in publish.tls", "the certificate of Kafka at %s is not trusted", brokers)
	case errors.As(err, &plain):
		return failure.StopFrom(err, "use the port of the TLS listener, or leave out publish.tls", "Kafka at %s does not speak TLS", brokers)
	case errors.As(err, &remote) && remote.Op == "remote error": // so crypto/tls reports an alert
		return failure.StopFrom(err, "check the client's certificate in publish.tls", "Kafka at %s refuses the TLS connection", brokers)
	case errors.As(err, &hungUp): // its own text asks questions
		return failure.Retry(fmt.Errorf("reach Kafka at %s: it hangs up at once, as a broker does that is stopping, or expects a login, TLS, or none of them: see publish.tls and publish.sasl", brokers))
	case isLoginError(err):
		return failure.StopFrom(err, "check publish.sasl", "Kafka at %s refuses the login of %s", brokers, c.Principal())
	case errors.Is(err, errToken):
		return failure.StopFrom(err, "check publish.sasl", "there is no login for Kafka")
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return failure.StopFrom(err, "grant it the right", "Kafka at %s gives %s no access", brokers, c.Principal())
	}
	return failure.Retry(fmt.Errorf("reach Kafka at %s: %w", brokers, err))
}

func isLoginError(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.IllegalSaslState)
}

// IsAccessError reports whether err says that the cluster does not let us in:
// the login, or any right on it.
func IsAccessError(err error) bool {
	return isLoginError(err) || errors.Is(err, kerr.ClusterAuthorizationFailed)
}
