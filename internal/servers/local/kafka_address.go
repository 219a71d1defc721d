package local

// A KafkaAddress says where a running Kafka broker is and who may log in. It is
// plain data: the owner of a test run sends it to the tests as JSON.
//
// The broker allows what no ACL speaks of, to everybody. Whoever comes without a
// name, by Plain or by TLS without a certificate, may do everything.
type KafkaAddress struct {
	Version   string `json:"version"`    // "4.3.1"
	ClusterID string `json:"cluster_id"` // no other broker's

	Plain string `json:"plain"` // host and port without TLS and without a login
	TLS   string `json:"tls"`   // host and port that takes a client's certificate, and needs none
	// SASL is the host and port, with TLS, for the mechanisms PLAIN,
	// SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER. The last believes any token
	// that has no signature.
	SASL string `json:"sasl"`
	// Behind is the host and port that the proxy of the options leads to, without
	// TLS and without a login; "" without a proxy.
	Behind string `json:"behind,omitempty"`

	CA         string `json:"ca"`          // PEM file of the authority of the broker's certificate
	ClientCert string `json:"client_cert"` // PEM file of a certificate that makes the client the user KafkaClient
	ClientKey  string `json:"client_key"`  // PEM file of its key, in PKCS #8

	Users   map[string]string `json:"users"` // passwords by name: KafkaAdmin and KafkaClient, by all mechanisms
	DataDir string            `json:"data_dir"`
}

// The users of every broker.
const (
	KafkaAdmin  = "admin"  // may do everything
	KafkaClient = "client" // is subject to ACLs
)

// kafkaUsers returns the passwords of the users. They are in the data of every
// broker from its beginning.
func kafkaUsers() map[string]string {
	return map[string]string{KafkaAdmin: "admin-secret", KafkaClient: "client-secret"}
}
