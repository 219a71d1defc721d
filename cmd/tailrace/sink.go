package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/discard"
	filesink "github.com/tailrace/tailrace/publish/file"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/publish/stdout"
)

// newSink returns what opens the sink that cfg names, for the pipeline's
// OpenSink. The error is of a wrong configuration.
func newSink(cfg config.Config, log *zap.Logger) (func(context.Context) (publish.Publisher, error), error) {
	switch cfg.Publish.Sink {
	case config.SinkKafka:
		return newKafka(cfg, log)
	case config.SinkFile:
		return func(context.Context) (publish.Publisher, error) { return filesink.Open(cfg.Publish.Dir) }, nil
	case config.SinkDiscard:
		return func(context.Context) (publish.Publisher, error) { return discard.Open(), nil }, nil
	}
	return func(context.Context) (publish.Publisher, error) { return stdout.Open(os.Stdout), nil }, nil
}

// newKafka returns what opens one Publisher after another. Each spreads records
// over as many partitions as the one before it, so that a key stays where it is.
func newKafka(cfg config.Config, log *zap.Logger) (func(context.Context) (publish.Publisher, error), error) {
	k := cfg.Publish.Kafka
	settings := kafka.Config{
		Brokers: k.Brokers, ClientID: "tailrace-" + cfg.Name, Compression: k.Compression, Linger: k.Linger,
		CreateTopics: k.CreateTopics, DeadLetter: k.DeadLetter, Log: log,
	}
	var err error
	if k.TLS.Enabled {
		if settings.TLS, err = brokerTLS(k.TLS); err != nil {
			return nil, err
		}
	}
	if k.SASL.Mechanism != "" {
		settings.SASL, err = kafka.SASLMechanism(kafka.Login{
			Mechanism: k.SASL.Mechanism, User: k.SASL.User, Password: k.SASL.Password.Reveal(), TokenFile: k.SASL.TokenFile,
		})
		if err != nil {
			return nil, err
		}
	}
	var last *kafka.Publisher
	return func(ctx context.Context) (publish.Publisher, error) {
		if last != nil {
			settings.Partitions = last.Partitions()
		}
		opened, err := kafka.Open(ctx, settings)
		if err != nil {
			return nil, err
		}
		last = opened
		return opened, nil
	}, nil
}

// brokerTLS reads the files that cfg names. The brokers' names are filled in per
// connection.
func brokerTLS(cfg config.TLS) (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, failure.Usage("", "publish.tls.ca: read %s: %v", cfg.CA, withoutPath(err))
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, failure.Usage("expected certificates in PEM form", "publish.tls.ca: %s holds no certificate", cfg.CA)
		}
	}
	if cfg.Cert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			return nil, failure.Usage("expected a certificate and its key in PEM form, the key not encrypted",
				"publish.tls.cert and publish.tls.key: read %s and %s: %v", cfg.Cert, cfg.Key, err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}

// withoutPath returns the reason inside an error of package os, whose own text
// repeats the path.
func withoutPath(err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		return inner.Err
	}
	return err
}

// partitionBy is the pipeline's word for what cfg says.
func partitionBy(cfg config.Kafka) pipeline.PartitionBy {
	return pipeline.PartitionBy{
		What: map[string]pipeline.Partition{
			config.PartitionKey: pipeline.ByKey, config.PartitionTransaction: pipeline.ByTransaction, config.PartitionColumns: pipeline.ByColumns,
		}[cfg.Partition],
		Columns: cfg.PartitionColumns,
	}
}
