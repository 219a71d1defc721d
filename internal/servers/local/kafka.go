package local

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A Kafka is a Kafka broker that belongs to this program: a cluster of one, its
// own controller, or a member of a KafkaCluster. It goes away, with all of its
// data, at Close or when the program ends in whatever way. Its methods may be
// called from any goroutine, one at a time.
type Kafka struct {
	KafkaAddress
	*instance

	node       int // the id within the cluster
	role       kafkaRole
	voter      int    // the id of the controller
	controller string // host and port where the controller listens
	proxy      string // what clients are told who come by Behind
	measured   bool
}

// A kafkaRole is what a process of Kafka is, as process.roles says it.
type kafkaRole string

const (
	kafkaAlone      kafkaRole = "broker,controller"
	kafkaBroker     kafkaRole = "broker"
	kafkaController kafkaRole = "controller"
)

// KafkaOptions says what is particular about a broker. The zero value is for
// nothing.
type KafkaOptions struct {
	// Settings are those of server.properties. They override those of the
	// properties function; "" leaves one out.
	Settings map[string]string

	// Proxy is the host and port of a proxy that passes connections on to the
	// Behind of the address. Whoever comes by it is told to come by it again. "" is
	// for none.
	Proxy string

	// Measured is for a broker whose speed counts: Java optimizes it as it would
	// anywhere else. The others start in half of the processor time.
	Measured bool

	// Steady is for a broker that nobody kills. One that a busy machine holds up for
	// seconds then keeps its topics' leaders; it would wait as long after a kill.
	Steady bool
}

// steadySession is for how long a Steady broker may not be heard of, in milliseconds.
const steadySession = "60000"

// StartKafka starts a broker on data of its own: no topics, no users but those of
// the address, a cluster id that no other has. It takes three seconds, and once
// per machine as long as the download of the jars. The context bounds only the
// start.
func StartKafka(ctx context.Context, options KafkaOptions) (*Kafka, error) {
	k := &Kafka{KafkaAddress: KafkaAddress{ClusterID: newKafkaID()}, node: 1, role: kafkaAlone, voter: 1, proxy: options.Proxy, measured: options.Measured}
	settings := make(map[string]string)
	if options.Steady {
		settings["broker.session.timeout.ms"] = steadySession
	}
	maps.Copy(settings, options.Settings)
	if err := k.begin(ctx, settings); err != nil {
		return nil, err
	}
	return k, nil
}

// begin makes the data of a node that knows its place in the cluster, and starts
// it.
func (k *Kafka) begin(ctx context.Context, settings map[string]string) error {
	cache, err := installedKafka(ctx)
	if err != nil {
		return err
	}
	if k.instance, err = newInstance("Kafka", "kafka"); err != nil {
		return err
	}
	data := filepath.Join(k.dir, "data")
	k.KafkaAddress = KafkaAddress{
		Version:    kafkaVersion,
		ClusterID:  k.ClusterID,
		CA:         filepath.Join(data, caFile),
		ClientCert: filepath.Join(data, kafkaClientCert),
		ClientKey:  filepath.Join(data, kafkaClientKey),
		Users:      kafkaUsers(),
		DataDir:    data,
	}
	k.command = kafkaJava(cache, k.dir, "kafka.Kafka", k.propertiesPath())
	if !k.measured {
		k.command = slices.Insert(k.command, 1, quickStart)
	}
	k.greet = k.isOurs
	if err := k.makeData(ctx, filepath.Join(cache, pristineFolder)); err != nil {
		return errors.Join(err, k.Close())
	}
	if err := k.firstStart(ctx, func() error { return k.configure(settings) }); err != nil {
		return errors.Join(err, k.Close())
	}
	return nil
}

// newKafkaID returns an id as Kafka writes them.
func newKafkaID() string {
	var id [16]byte
	crand.Read(id[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// In meta.properties.
var (
	metaNode   = regexp.MustCompile(`node\.id=.*`)
	metaFolder = regexp.MustCompile(`directory\.id=.*`)
)

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
	// Two nodes of a cluster have neither an id nor that of a folder in common.
	named := strings.Replace(string(meta), pristineCluster, k.ClusterID, 1)
	named = metaNode.ReplaceAllString(named, fmt.Sprintf("node.id=%d", k.node))
	named = metaFolder.ReplaceAllString(named, "directory.id="+newKafkaID())
	if err := os.WriteFile(path, []byte(named), 0o644); err != nil {
		return fmt.Errorf("name the cluster: %w", err)
	}
	return nil
}

// configure gives the node ports that are free, and writes its settings.
func (k *Kafka) configure(settings map[string]string) error {
	var ports [5]int
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

// listen gives the node its ports, those that it needs in its role.
func (k *Kafka) listen(ports [5]int) {
	var used []*string
	if k.role != kafkaController {
		used = append(used, &k.Plain, &k.TLS, &k.SASL)
	}
	if k.role != kafkaBroker {
		used = append(used, &k.controller)
	}
	if k.proxy != "" {
		used = append(used, &k.Behind)
	}
	for i, address := range used {
		*address = fmt.Sprintf("127.0.0.1:%d", ports[i])
	}
}

func (k *Kafka) propertiesPath() string {
	return filepath.Join(k.dir, "server.properties")
}

// isOurs asks the broker who it is: on a port that another was quicker to take,
// that one answers. It is a broker for clients only once the controller lets it
// in; till then it is not in its own answer. A controller by itself has no such
// answer: the brokers, who know the cluster, find out.
func (k *Kafka) isOurs(ctx context.Context) error {
	if k.role == kafkaController {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", k.controller)
		if err != nil {
			return err
		}
		return conn.Close()
	}
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
	case !slices.Contains(answer.Brokers.NodeIDs(), int32(k.node)):
		return errors.New("connect: the broker is not let in yet")
	}
	return nil
}

// Close ends the broker in whatever state it is and removes its folder. It must
// be called once. The guard would ask first, and Java does not end by what it
// sends.
func (k *Kafka) Close() error { return k.closeAtOnce() }
