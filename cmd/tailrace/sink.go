package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/checkpoint/file"
	checkpointkafka "github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/config"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/pipeline"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/publish/discard"
	filesink "github.com/tailrace/tailrace/publish/file"
	"github.com/tailrace/tailrace/publish/kafka"
	"github.com/tailrace/tailrace/publish/stdout"
)

// An opener opens the sink, for the pipeline's OpenSink.
type opener func(context.Context, checkpoint.State) (publish.Publisher, error)

// newOutputs returns where the checkpoint is kept and what opens the sink. A sink
// that publishes exactly once does it through the checkpoint's own producer. The
// error is of a wrong configuration.
func newOutputs(cfg config.Config, log *zap.Logger) (checkpoint.Store, opener, error) {
	store := file.New(cfg.Checkpoint.Path, cfg.Name)
	switch cfg.Publish.Sink {
	case config.SinkKafka:
		settings, err := kafkaSettings(cfg, log)
		if cfg.Publish.Kafka.ExactlyOnce {
			shared := checkpointkafka.New(checkpointkafka.Config{Pipeline: cfg.Name, Cluster: settings.Cluster, Log: log})
			return shared, exactlyOnce(settings, shared), err
		}
		return store, atLeastOnce(settings), err
	case config.SinkKinesis:
		return store, intoStream(cfg, log), nil
	case config.SinkFile:
		return store, func(context.Context, checkpoint.State) (publish.Publisher, error) {
			return filesink.Open(cfg.Publish.Dir)
		}, nil
	case config.SinkDiscard:
		return store, func(context.Context, checkpoint.State) (publish.Publisher, error) { return discard.Open(), nil }, nil
	}
	return store, func(context.Context, checkpoint.State) (publish.Publisher, error) { return stdout.Open(os.Stdout), nil }, nil
}

// atLeastOnce opens Publishers. Each spreads records over as many partitions as
// the State says, so that a key stays where it is.
func atLeastOnce(settings kafka.Config) opener {
	return func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
		settings := settings
		settings.Partitions = st.Partitions
		opened, err := kafka.Open(ctx, settings)
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
}

// exactlyOnce opens Committers as atLeastOnce opens Publishers.
func exactlyOnce(settings kafka.Config, store *checkpointkafka.Store) opener {
	producer := func(ctx context.Context, options ...kgo.Opt) (kafka.Transaction, error) {
		p, err := store.Producer(ctx, options...)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	return func(ctx context.Context, st checkpoint.State) (publish.Publisher, error) {
		settings := settings
		settings.Partitions = st.Partitions
		opened, err := kafka.OpenCommitter(ctx, settings, producer)
		if err != nil {
			return nil, err
		}
		return opened, nil
	}
}

// kafkaSettings reads the files that cfg names.
func kafkaSettings(cfg config.Config, log *zap.Logger) (kafka.Config, error) {
	k := cfg.Publish.Kafka
	settings := kafka.Config{
		Cluster:     broker.Cluster{Brokers: k.Brokers, ClientID: "tailrace-" + cfg.Name},
		Compression: k.Compression, Linger: k.Linger,
		CreateTopics: k.CreateTopics, DeadLetter: cfg.Publish.DeadLetter, Log: log,
	}
	var err error
	if k.TLS.Enabled {
		if settings.Cluster.TLS, err = brokerTLS(k.TLS); err != nil {
			return settings, err
		}
	}
	if k.SASL.Mechanism != "" {
		settings.Cluster.SASL, err = broker.SASLMechanism(broker.Login{
			Mechanism: k.SASL.Mechanism, User: k.SASL.User, Password: k.SASL.Password.Reveal(), TokenFile: k.SASL.TokenFile,
		})
	}
	return settings, err
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
func partitionBy(cfg config.Publish) pipeline.PartitionBy {
	return pipeline.PartitionBy{
		What: map[string]pipeline.Partition{
			config.PartitionKey: pipeline.ByKey, config.PartitionTransaction: pipeline.ByTransaction, config.PartitionColumns: pipeline.ByColumns,
		}[cfg.Partition],
		Columns: cfg.PartitionColumns,
	}
}
