package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/verify"
)

// Kafka says how the daemon publishes to a broker.
type Kafka struct {
	PartitionBy string // verify.ByTable or verify.ByKey
	ExactlyOnce bool   // then the checkpoint is in Kafka too
	Restarts    int    // how often the broker goes down, by SIGKILL and in an orderly way by turns
}

// A sink is what the daemon publishes to.
type sink struct {
	verify.Sink
	folder string // what is verified
	setup  Kafka  // the zero value if it is not Kafka
	broker *broker
	reader *verify.Kafka
	stream *stream // nil if it is not Kinesis
}

// openSink makes the sink: a folder of files, or a broker or a stream of the
// trial's own.
func openSink(ctx context.Context, folder string, cfg *Config) (*sink, error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	setup := cfg.Kafka
	switch {
	case cfg.Kinesis != nil:
		s, err := startStream(ctx, cfg.Seed, *cfg.Kinesis)
		if err != nil {
			return nil, err
		}
		return &sink{Sink: verify.Stream{Packing: s.packing}, folder: folder, stream: s}, nil
	case setup == nil:
		return &sink{Sink: verify.Files(folder), folder: folder}, nil
	}
	b, err := startBroker(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := verify.OpenKafka(b.server.Plain, name, setup.ExactlyOnce)
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return &sink{Sink: reader, folder: folder, setup: *setup, broker: b, reader: reader}, nil
}

// flags are the daemon's.
func (s *sink) flags() []string {
	// It may be asked to stop while the broker is down, or an answer hangs.
	const drain = "100s"
	switch {
	case s.stream != nil:
		return []string{"--publish", s.stream.url(), "--partition-by", verify.ByKey, "--drain", drain}
	case s.broker != nil:
		return []string{"--publish", "kafka://" + s.broker.server.Plain, "--partition-by", s.setup.PartitionBy, "--drain", drain}
	}
	return []string{"--publish", "file://" + s.folder}
}

// environment is what the daemon's has beside this program's own.
func (s *sink) environment() []string {
	if s.stream == nil {
		return nil
	}
	return servers.KinesisEnvironment()
}

// config is what the daemon's configuration says of the sink.
func (s *sink) config() string {
	switch {
	case s.stream != nil:
		return "publish: {packing: " + s.stream.packing + "}\n"
	case s.broker == nil:
		return ""
	case s.setup.ExactlyOnce:
		return "publish: {create_topics: true, exactly_once: true}\n"
	}
	return "publish: {create_topics: true}\n"
}

// length returns how much of the topics that begin so is published: bytes of
// files or of all records of a stream, records of Kafka. A broker that is up may
// not tell for a moment, while a topic is made.
func (s *sink) length(ctx context.Context, topics string) (int64, error) {
	if s.stream != nil {
		return s.stream.proxy.Seen().TakenBytes, nil
	}
	for start := time.Now(); ; {
		sizes, err := s.Sizes(ctx)
		if err == nil && sizes == nil {
			if time.Since(start) > patience {
				return 0, errors.New("trial: the broker does not answer")
			}
			if err := wait(ctx, 10*time.Millisecond); err != nil {
				return 0, err
			}
			continue
		}
		var sum int64
		for name, size := range sizes {
			if strings.HasPrefix(name, topics) {
				sum += size
			}
		}
		return sum, err
	}
}

// up waits until the broker, if there is one, takes requests.
func (s *sink) up() error {
	if s.broker == nil {
		return nil
	}
	return s.broker.up()
}

// collect brings what is verified into the folder.
func (s *sink) collect(ctx context.Context) error {
	switch {
	case s.stream != nil:
		return s.stream.collect(ctx, s.folder)
	case s.broker == nil:
		return nil
	}
	if err := s.up(); err != nil {
		return err
	}
	return s.reader.Copy(ctx, s.folder)
}

func (s *sink) close() error {
	switch {
	case s.stream != nil:
		return s.stream.close()
	case s.broker == nil:
		return nil
	}
	s.reader.Close()
	return s.broker.close()
}
