package local

import (
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/tailrace/tailrace/internal/guard"
)

// A Kafka is a Kafka broker that belongs to this program: a cluster of one, its
// own controller. It goes away, with all of its data, at Close or when the
// program ends in whatever way. Its methods may be called from any goroutine, one
// at a time.
type Kafka struct {
	KafkaAddress

	dir        string // holds the data folder, the settings and the log
	guard      *guard.Guard
	user       *syscall.Credential
	controller string // host and port where the controller listens
	command    []string

	mu  sync.Mutex
	run *run // nil while the broker is shut down
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
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailrace-kafka-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Kafka: %w", err)
	}
	guarded, err := guard.Start(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	data := filepath.Join(dir, "data")
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
		dir:   dir,
		guard: guarded,
		user:  user,
	}
	k.command = kafkaJava(cache, dir, "kafka.Kafka", k.propertiesPath())
	if err := k.copyData(ctx, filepath.Join(cache, pristineFolder)); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	if err := k.firstStart(ctx, options.Settings); err != nil {
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

// copyData makes the data folder. The folder of the broker is open to all, as
// clients of any user read the certificates there.
func (k *Kafka) copyData(ctx context.Context, pristine string) error {
	if k.user != nil {
		if err := os.Chown(k.dir, int(k.user.Uid), int(k.user.Gid)); err != nil {
			return fmt.Errorf("give the broker its folder: %w", err)
		}
	}
	if err := os.Chmod(k.dir, 0o755); err != nil {
		return fmt.Errorf("open the broker's folder: %w", err)
	}
	// By cp, as the broker's user, to whom the copies then belong.
	cmd := exec.CommandContext(ctx, "cp", "-R", pristine, k.DataDir)
	cmd.Dir = k.dir
	cmd.SysProcAttr = k.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder of Kafka: %w: %s", err, out)
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

// firstStart finds ports and starts the broker on them. Between the two another
// program can take one, so it tries again with others.
func (k *Kafka) firstStart(ctx context.Context, settings map[string]string) error {
	for attempt := 1; ; attempt++ {
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
		err := k.Start(ctx)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
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

// attributes makes a child run as the broker's user, out of reach of a Ctrl-C
// that is meant for this program.
func (k *Kafka) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: k.user, Setpgid: true}
}

// Close ends the broker in whatever state it is and removes its folder. It must
// be called once.
func (k *Kafka) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run != nil {
		// The guard would ask first, and Java does not end by what it sends.
		if err := signal(k.run.cmd.Process.Pid, syscall.SIGKILL); err != nil {
			return errors.Join(err, k.guard.Release())
		}
		<-k.run.gone
		k.run = nil
	}
	return k.guard.Release()
}
