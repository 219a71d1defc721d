package local

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listeners returns the settings of who listens where, and of who leads.
func (k *Kafka) listeners() map[string]string {
	var listen []string
	all := map[string]string{
		"process.roles":                  string(k.role),
		"node.id":                        strconv.Itoa(k.node),
		"controller.quorum.voters":       fmt.Sprintf("%d@%s", k.voter, k.controller),
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": "PLAIN:PLAINTEXT,BEHIND:PLAINTEXT,TLS:SSL,SASL:SASL_SSL,CONTROLLER:PLAINTEXT",
	}
	if k.role != kafkaController {
		listen = append(listen, "PLAIN://"+k.Plain, "TLS://"+k.TLS, "SASL://"+k.SASL)
		all["inter.broker.listener.name"] = "PLAIN"
		told := slices.Clone(listen)
		if k.proxy != "" {
			listen = append(listen, "BEHIND://"+k.Behind)
			told = append(told, "BEHIND://"+k.proxy)
		}
		all["advertised.listeners"] = strings.Join(told, ",")
	}
	if k.role != kafkaBroker {
		listen = append(listen, "CONTROLLER://"+k.controller)
	}
	all["listeners"] = strings.Join(listen, ",")
	return all
}

// properties returns the file of a broker's settings. The caller's settings win;
// one with the value "" is left out.
func (k *Kafka) properties(settings map[string]string) []byte {
	const (
		plainLogin = "org.apache.kafka.common.security.plain.PlainLoginModule"
		scramLogin = "org.apache.kafka.common.security.scram.ScramLoginModule"
		tokenLogin = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
	)
	all := map[string]string{
		"log.dirs": filepath.Join(k.DataDir, kafkaStorage),

		"ssl.keystore.type":                       "PEM",
		"ssl.keystore.location":                   filepath.Join(k.DataDir, kafkaServerFile),
		"ssl.truststore.type":                     "PEM",
		"ssl.truststore.location":                 filepath.Join(k.DataDir, caFile),
		"listener.name.tls.ssl.client.auth":       "requested",
		"ssl.principal.mapping.rules":             "RULE:^CN=(.*)$/$1/",
		"sasl.enabled.mechanisms":                 "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"listener.name.sasl.plain" + jaas:         plainLogin + " required" + plainUsers() + ";",
		"listener.name.sasl.scram-sha-256" + jaas: scramLogin + " required;",
		"listener.name.sasl.scram-sha-512" + jaas: scramLogin + " required;",
		"listener.name.sasl.oauthbearer" + jaas:   tokenLogin + ` required unsecuredLoginStringClaim_sub="broker";`,

		"authorizer.class.name":            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                      "User:ANONYMOUS;User:" + KafkaAdmin,
		"allow.everyone.if.no.acl.found":   "true",
		"auto.create.topics.enable":        "false",
		"group.initial.rebalance.delay.ms": "0",

		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"share.coordinator.state.topic.num.partitions":     "1",
		"min.insync.replicas":                              "1",
		"default.replication.factor":                       "1",

		// A killed broker is let back only when its session is over.
		"broker.session.timeout.ms":    "3000",
		"broker.heartbeat.interval.ms": "500",

		// Little memory and little disk, which a deleted topic gives back soon. A
		// segment must hold the largest batch that a test's settings allow.
		"log.cleaner.dedupe.buffer.size": "2097152",
		"log.segment.bytes":              "67108864",
		"log.index.size.max.bytes":       "1048576",
		"log.segment.delete.delay.ms":    "1000",
		"num.network.threads":            "2",
		"num.io.threads":                 "4",
		"background.threads":             "2",
	}
	maps.Copy(all, k.listeners())
	maps.Copy(all, settings)
	var file bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] != "" {
			// A file of Java's, where a backslash begins an escape.
			fmt.Fprintf(&file, "%s=%s\n", name, strings.ReplaceAll(all[name], `\`, `\\`))
		}
	}
	return file.Bytes()
}

// jaas ends the names of settings that say how a login is checked.
const jaas = ".sasl.jaas.config"

// plainUsers returns the users of the mechanism PLAIN, whose passwords stand in
// the settings.
func plainUsers() string {
	var text strings.Builder
	users := kafkaUsers()
	for _, name := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&text, " user_%s=%q", name, users[name])
	}
	return text.String()
}
