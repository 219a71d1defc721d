package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/internal/failure"
)

// answerLimit is how long a broker may take to answer at the start.
const answerLimit = 10 * time.Second

// writeLimit is the largest request that brokers take by default, and room in
// it for what surrounds one record batch.
const (
	writeLimit  = 100 << 20
	writeMargin = 64 << 10
)

// Open connects to one of the brokers, so that what a person must mend is said
// at the start: a refused login, certificate or setting is an error of the class
// Stop or of a wrong configuration. That nobody answers is of the class Retry.
// ctx bounds Open alone. The caller owns the Publisher and closes it.
func Open(ctx context.Context, cfg Config) (*Publisher, error) {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "tailrace"
	}
	if inClear(cfg.SASL) && cfg.TLS == nil && !cfg.local() {
		return nil, failure.Usage("set publish.tls, or use SCRAM-SHA-512",
			"SASL %s without TLS would send the secret in clear", cfg.SASL.Name())
	}
	p := newPublisher(cfg)
	options, err := p.options()
	if err != nil {
		return nil, err
	}
	if p.client, err = kgo.NewClient(options...); err != nil {
		return nil, failure.Usage("", "the settings of Kafka do not go together: %v", err)
	}
	p.admin = kadm.NewClient(p.client)
	p.disconnect = sync.OnceFunc(p.client.Close)
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err := p.client.Ping(ctx); err != nil {
		p.disconnect()
		return nil, p.explainContact(err)
	}
	p.background.Go(p.watch)
	return p, nil
}

// options are the client's. What is not named keeps franz-go's default:
// records are never given up for their age or number of attempts.
func (p *Publisher) options() ([]kgo.Opt, error) {
	codec, err := codecOf(p.cfg.Compression)
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(p.cfg.Brokers...),
		kgo.ClientID(p.cfg.ClientID),
		kgo.WithLogger(listener{p}),
		kgo.DisableClientMetrics(), // Close would wait a second to send them to a broker that is away
		kgo.MetadataMinAge(time.Second),
		kgo.BrokerMaxWriteBytes(writeLimit),

		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.StopProducerOnDataLossDetected(),
		kgo.UnknownTopicRetries(-1), // a topic that was taken away is waited for
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytesFn(p.batchLimit),
		kgo.ProducerLinger(p.cfg.Linger),
		kgo.MaxBufferedRecords(math.MaxInt32), // the frontier's bytes are the limit
	}
	if p.cfg.TLS != nil {
		options = append(options, kgo.DialTLSConfig(p.cfg.TLS))
	}
	if p.cfg.SASL != nil {
		options = append(options, kgo.SASL(p.cfg.SASL))
	}
	if p.cfg.dial != nil {
		options = append(options, kgo.Dialer(p.cfg.dial))
	}
	return options, nil
}

func codecOf(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "none":
		return kgo.NoCompression(), nil
	case "", "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.CompressionCodec{}, failure.Usage("use none, snappy, lz4 or zstd", "compression %q is not known", name)
}

// explainContact gives the class to an error of reaching a broker and logging
// in.
func (p *Publisher) explainContact(err error) error {
	var (
		untrusted *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		plain     tls.RecordHeaderError
		remote    *net.OpError
	)
	brokers := strings.Join(p.cfg.Brokers, ",")
	switch {
	case errors.As(err, &name):
		return failure.StopFrom(err, "use the name that the certificate was made for", "the certificate of Kafka at %s is for another host", brokers)
	case errors.As(err, &untrusted), errors.As(err, &authority):
		return failure.StopFrom(err, "check the CA in publish.tls", "the certificate of Kafka at %s is not trusted", brokers)
	case errors.As(err, &plain):
		return failure.StopFrom(err, "use the port of the TLS listener, or leave out publish.tls", "Kafka at %s does not speak TLS", brokers)
	case errors.As(err, &remote) && remote.Op == "remote error": // so crypto/tls reports an alert
		return failure.StopFrom(err, "check the client's certificate in publish.tls", "Kafka at %s refuses the TLS connection", brokers)
	case isLoginError(err):
		return failure.StopFrom(err, "check publish.sasl", "Kafka at %s refuses the login of %s", brokers, p.cfg.principal())
	case errors.Is(err, errToken):
		return failure.StopFrom(err, "check publish.sasl", "there is no login for Kafka")
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return failure.StopFrom(err, "grant it the right", "Kafka at %s gives %s no access", brokers, p.cfg.principal())
	}
	return failure.Retry(fmt.Errorf("reach Kafka at %s: %w", brokers, err))
}

func isLoginError(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.IllegalSaslState)
}
