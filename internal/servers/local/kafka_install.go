package local

import (
	"context"
	"crypto/x509"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// kafkaVersion names the release in Maven Central and the folder in the cache.
const kafkaVersion = "4.3.1"

var (
	//go:embed kafka-pom.xml
	kafkaPOM []byte

	//go:embed kafka-log4j2.xml
	kafkaLog4j []byte
)

// Beside these, Kafka's folder in the cache holds under pristineFolder what a
// broker that never ran has: certificates and formatted storage.
const (
	kafkaJars      = "jars"
	kafkaLogConfig = "log4j2.xml"
)

// In a broker's data folder.
const (
	kafkaStorage    = "storage"
	kafkaServerFile = "server.pem" // key and certificate
	kafkaClientCert = "client-cert.pem"
	kafkaClientKey  = "client-key.pem"
)

// pristineCluster is the cluster's id in the formatted storage, which each broker
// replaces by its own.
const pristineCluster = "clusterOfThePristine0g"

// installedKafka returns Kafka's folder in the cache. It downloads the jars and
// formats storage when this machine does not have it yet.
func installedKafka(ctx context.Context) (string, error) {
	for program, from := range map[string]string{"java": "openjdk-17-jre-headless", "mvn": "maven"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("find Kafka: the package %s is not installed, `make test` installs it: %w", from, err)
		}
	}
	dir, err := cached(ctx, "kafka-"+kafkaVersion, func(ctx context.Context, work, whole string) error {
		if err := os.Mkdir(whole, 0o755); err != nil {
			return fmt.Errorf("make room in the cache: %w", err)
		}
		if err := downloadKafka(ctx, work, whole); err != nil {
			return err
		}
		data := filepath.Join(whole, pristineFolder)
		if err := os.Mkdir(data, 0o755); err != nil {
			return fmt.Errorf("make room in the cache: %w", err)
		}
		if err := writeKafkaCertificates(data); err != nil {
			return err
		}
		return formatKafka(ctx, work, whole)
	})
	if err != nil {
		return "", fmt.Errorf("install Kafka: %w", err)
	}
	return dir, nil
}

// downloadKafka has Maven fill the folder of the jars.
func downloadKafka(ctx context.Context, work, whole string) error {
	if err := writeFiles(work, map[string][]byte{"pom.xml": kafkaPOM}); err != nil {
		return err
	}
	if err := writeFiles(whole, map[string][]byte{kafkaLogConfig: kafkaLog4j}); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mvn", "--quiet", "--batch-mode",
		"--file", filepath.Join(work, "pom.xml"),
		// A repository of its own, or what nobody needs again would stay in the user's.
		"-Dmaven.repo.local="+filepath.Join(work, "repository"),
		"-Dkafka="+kafkaVersion,
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
		"-DincludeScope=runtime",
		"-DoutputDirectory="+filepath.Join(whole, kafkaJars))
	// A group of its own, or what the script mvn runs would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return signal(-cmd.Process.Pid, syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download: %w: %s", err, out)
	}
	return nil
}

// formatKafka makes the storage, with the users of SCRAM.
func formatKafka(ctx context.Context, work, whole string) error {
	k := &Kafka{KafkaAddress: KafkaAddress{DataDir: filepath.Join(whole, pristineFolder)}, node: 1, role: kafkaAlone, voter: 1}
	properties := filepath.Join(work, "server.properties")
	k.listen([5]int{1, 2, 3, 4}) // nobody does while it formats
	if err := os.WriteFile(properties, k.properties(nil), 0o644); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	command := kafkaJava(whole, work, "kafka.tools.StorageTool", "format", "--cluster-id", pristineCluster, "--config", properties)
	users := kafkaUsers()
	for _, name := range slices.Sorted(maps.Keys(users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			command = append(command, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, users[name]))
		}
	}
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format storage: %w: %s", err, out)
	}
	return nil
}

// writeKafkaCertificates gives a data folder the files that KafkaAddress names.
func writeKafkaCertificates(data string) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := authority.issue("localhost", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return err
	}
	serverKey, err := server.keyPEM()
	if err != nil {
		return err
	}
	client, err := authority.issue(KafkaClient, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return err
	}
	clientKey, err := client.keyPEM()
	if err != nil {
		return err
	}
	return writeFiles(data, map[string][]byte{
		caFile:          authority.pem(),
		kafkaServerFile: append(serverKey, server.pem()...),
		kafkaClientCert: client.pem(),
		kafkaClientKey:  clientKey,
	})
}

// quickStart halves what a start costs: a program that runs for minutes does not
// earn its optimized code back. One that is measured does.
const quickStart = "-XX:TieredStopAtLevel=1"

// kafkaJava returns the command that runs one of Kafka's classes from its folder
// in the cache, with the folder temporary for what its libraries unpack.
func kafkaJava(cache, temporary, class string, arguments ...string) []string {
	return append([]string{
		"java",
		"-Xmx256m",
		"-XX:+UseSerialGC",
		// Its file in the system's temporary folder would outlive a killed broker.
		"-XX:-UsePerfData",
		"-Djava.io.tmpdir=" + temporary,
		"-Dlog4j2.configurationFile=" + filepath.Join(cache, kafkaLogConfig),
		"-cp", filepath.Join(cache, kafkaJars, "*"),
		class,
	}, arguments...)
}
