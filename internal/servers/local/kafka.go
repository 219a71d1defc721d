package local

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Kafka is a Kafka broker that belongs to this program: a cluster of one, its
// own controller. It goes away, with all of its data, at Close or when the
// program ends in whatever way. Its methods may be called from any goroutine, one
// at a time.
type Kafka struct {
	KafkaAddress
	*instance

	controller string // host and port where the controller listens
}

// KafkaOptions says what is particular about a broker. The zero value is for
// nothing.
type KafkaOptions struct {
	// Settings are those of server.properties. They override those of the
	// properties function; "" leaves one out.
	Settings map[string]string
}

// StartKafka starts a broker on data of its own: no topics, no users but those of
// the address, a cluster id that no other has. It takes three seconds, and once
// per machine as long as the download of the jars. The context bounds only the
// start.
func StartKafka(ctx context.Context, options KafkaOptions) (*Kafka, error) {
	cache, err := installedKafka(ctx)
	if err != nil {
		return nil, err
	}
	i, err := newInstance("Kafka", "kafka")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(i.dir, "data")
	k := &Kafka{
		KafkaAddress: KafkaAddress{
			Version:    kafkaVersion,
			ClusterID:  newClusterID(),
			CA:         filepath.Join(data, caFile),
			ClientCert: filepath.Join(data, kafkaClientCert),
			ClientKey:  filepath.Join(data, kafkaClientKey),
			Users:      kafkaUsers(),
			DataDir:    data,
		},
		instance: i,
	}
	i.command = kafkaJava(cache, i.dir, "kafka.Kafka", k.propertiesPath())
	i.greet = k.isOurs
	if err := k.makeData(ctx, filepath.Join(cache, pristineFolder)); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if err := k.firstStart(ctx, func() error { return k.configure(options.Settings) }); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// newClusterID returns an id as Kafka writes them.
func newClusterID() string {
	var id [16]byte
	crand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// makeData makes the data folder. The folder of the broker is open to all, as
// clients of any user read the certificates there.
func (k *Kafka) makeData(ctx context.Context, pristine string) error {
	if err := os.Chmod(k.dir, 0o755); err != nil {
		return fmt.Errorf("open the broker's folder: %w", err)
	}
	if err := k.copyData(ctx, pristine, k.DataDir); err != nil {
		return err
	}
	path := filepath.Join(k.DataDir, kafkaStorage, "meta.properties")
	meta, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("name the cluster: %w", err)
	}
	named := strings.Replace(string(meta), pristineCluster, k.ClusterID, 1)
	if err := os.WriteFile(path, []byte(named), 0o644); err != nil {
		return fmt.Errorf("name the cluster: %w", err)
	}
	return nil
}

// configure gives the broker ports that are free, and writes its settings.
func (k *Kafka) configure(settings map[string]string) error {
	var ports [4]int
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return err
		}
		ports[i] = port
	}
	k.listen(ports)
	if err := os.WriteFile(k.propertiesPath(), k.properties(settings), 0o644); err != nil {
		return fmt.Errorf("write the settings of Kafka: %w", err)
	}
	return nil
}

// listen gives the broker its ports.
func (k *Kafka) listen(ports [4]int) {
	for i, address := range []*string{&k.Plain, &k.TLS, &k.SASL, &k.controller} {
		*address = fmt.Sprintf("127.0.0.1:%d", ports[i])
	}
}

func (k *Kafka) propertiesPath() string {
	return filepath.Join(k.dir, "server.properties")
}

// isOurs asks the broker who it is: on a port that another was quicker to take,
// that one answers. It is a broker for clients only once the controller, which is
// itself, lets it in; till then it is not in its own answer.
func (k *Kafka) isOurs(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Plain), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	answer, err := kadm.NewClient(client).BrokerMetadata(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("connect: %w", err)
	case answer.Cluster != k.ClusterID:
		return fmt.Errorf("connect: the cluster %s has the port", answer.Cluster)
	case len(answer.Brokers) == 0:
		return errors.New("connect: the broker is not let in yet")
	}
	return nil
}

// Close ends the broker in whatever state it is and removes its folder. It must
// be called once. The guard would ask first, and Java does not end by what it
// sends.
func (k *Kafka) Close() error { return k.closeAtOnce() }
