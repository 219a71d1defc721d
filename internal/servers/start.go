package servers

import (
	"context"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// Start starts a Postgres of the calling program's own, for programs that are
// no tests: no owner is needed. Version is 13, 15 or 18; settings overrides
// postgresql.conf and may be nil; the context bounds only the start. The caller
// calls Close on the answer; if it dies before, the server goes all the same.
func Start(ctx context.Context, version int, settings map[string]string) (*local.Postgres, error) {
	return local.Start(ctx, version, settings)
}

// StartMySQL is Start for the MySQL family. settings are options of the server
// that override ours; one with the value "" is left out.
func StartMySQL(ctx context.Context, product local.Product, settings map[string]string) (*local.MySQL, error) {
	return local.StartMySQL(ctx, product, settings)
}

// StartKafka is Start for Kafka. settings are those of server.properties that
// override ours; one with the value "" is left out.
func StartKafka(ctx context.Context, settings map[string]string) (*local.Kafka, error) {
	return local.StartKafka(ctx, local.KafkaOptions{Settings: settings})
}

// StartMeasuredKafka is StartKafka for a broker whose speed is measured, and which
// nobody kills. Its start takes twice the processor time.
func StartMeasuredKafka(ctx context.Context, settings map[string]string) (*local.Kafka, error) {
	return local.StartKafka(ctx, local.KafkaOptions{Settings: settings, Measured: true, Steady: true})
}

// StartKafkaBehind is StartKafka for a broker behind a proxy. A client that comes
// by the address proxy is told to come by it always; the proxy passes it on to
// the broker's address Behind.
func StartKafkaBehind(ctx context.Context, proxy string, settings map[string]string) (*local.Kafka, error) {
	return local.StartKafka(ctx, local.KafkaOptions{Settings: settings, Proxy: proxy})
}

// StartKafkaCluster is StartKafka for three brokers of one cluster: a topic is on
// all of them, and a record is stored once it is on two.
func StartKafkaCluster(ctx context.Context, settings map[string]string) (*local.KafkaCluster, error) {
	return local.StartKafkaCluster(ctx, settings)
}

// MySQLProducts returns the products of the MySQL family that tests run on, for
// tables of tests.
func MySQLProducts() []local.Product {
	return local.MySQLProducts()
}

// Versions returns the Postgres versions that tests of the whole program run on,
// for tables of tests. The package capture/postgres runs its own on 13 as well, the
// oldest that is read.
func Versions() []int {
	return []int{15, 18}
}
