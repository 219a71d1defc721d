package kafka_test

import (
	"testing"

	"github.com/tailrace/tailrace/internal/servers"
)

// TestOnABrokerOfItsOwn runs what needs settings of a broker, or breaks one. All of
// it has one broker, in turn: a start costs more than most of these. What kills it
// comes before what leaves many topics behind, which a start would have to recover.
func TestOnABrokerOfItsOwn(t *testing.T) {
	broker := servers.NewKafka(t, map[string]string{
		"message.max.bytes":                 "16777216",
		"listener.name.tls.ssl.client.auth": "required",
	})
	for _, c := range []struct {
		name string
		test func(t *testing.T, broker *servers.KafkaServer)
	}{
		{"Check names the rights that are missing", checkNamesRights},
		{"a missing client certificate is a Stop", certificateIsWanted},
		{"Close does not wait for a frozen broker", closedWhileFrozen},
		{"a frozen broker is waited for and nothing is lost or moved", frozenUnderLoad},
		{"a broker that is killed under load loses and moves nothing", killedUnderLoad},
		{"a broker that is killed within a transaction loses and doubles nothing", killedWithinATransaction},
		{"a Publisher does what all do", publisherBehaves},
		{"a Committer does what all do", committerBehaves},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, broker) })
	}
}
