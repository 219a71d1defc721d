package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tailrace/tailrace/internal/broker"
)

// Kafka holds what only the sink Kafka has.
type Kafka struct {
	Brokers []string // host:port

	Tombstones bool // a delete is followed by a record of its key without a value

	// ExactlyOnce says that records are published in transactions, each of which
	// holds the checkpoint too. It is true exactly where the checkpoint is in Kafka.
	ExactlyOnce bool

	Compression  string        // none, snappy, lz4 or zstd
	Linger       time.Duration // how long a batch that is not full waits for more records
	CreateTopics bool          // topics that are missing are made

	TLS  TLS
	SASL SASL
}

// TLS says how brokers are verified, and who we are to them. The texts are paths
// of PEM files, "" if not given.
type TLS struct {
	Enabled   bool
	CA        string // of the authorities; "" for the system's
	Cert, Key string // of our own certificate
}

// SASL is a login. Which of its parts are used depends on the mechanism, "" for
// no login.
type SASL struct {
	Mechanism string
	User      string
	Password  Secret
	TokenFile string
}

// maxLinger is the longest that the client takes.
const maxLinger = time.Minute

var (
	compressions = choice{built: []string{"none", "snappy", "lz4", "zstd"}}
	mechanisms   = choice{built: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"}}

	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
)

func setBrokers(c *Config, text string) error {
	brokers, err := broker.ParseURL(text)
	if err != nil {
		// Its own text quotes the address, which may come from a reference.
		return errors.New("expected kafka://host1:9092,host2:9092; a login goes into publish.sasl")
	}
	c.Publish.Sink, c.Publish.Kafka.Brokers = SinkKafka, brokers
	return nil
}

func setLinger(c *Config, text string) error {
	if err := setDuration(&c.Publish.Kafka.Linger, text, 0); err != nil {
		return err
	}
	if c.Publish.Kafka.Linger > maxLinger {
		return errors.New("expected at most 1m")
	}
	return nil
}

func setText(to *string, text, what string) error {
	if text == "" || strings.Contains(text, "\x00") {
		return errors.New("expected " + what)
	}
	*to = text
	return nil
}

func setPassword(c *Config, text string) error {
	if text == "" {
		return errors.New("expected a password")
	}
	c.Publish.Kafka.SASL.Password = NewSecret(text)
	return nil
}

func (l *loader) checkTLS(t *TLS) {
	_, said := l.given["publish.tls.enabled"]
	for _, key := range []string{"publish.tls.ca", "publish.tls.cert", "publish.tls.key"} {
		at, ok := l.given[key]
		switch {
		case ok && !said:
			t.Enabled = true
		case ok && !t.Enabled && !l.refused["publish.tls.enabled"]:
			l.problems.add(at, "", "%s: publish.tls.enabled is false, so it has no effect", key)
		}
	}
	l.together("publish.tls.cert", "publish.tls.key")
	l.together("publish.tls.key", "publish.tls.cert")
}

func (l *loader) together(key, other string) {
	at, ok := l.given[key]
	if _, both := l.given[other]; ok && !both {
		l.problems.add(at, "", "%s: %s belongs to it and is not set", key, other)
	}
}

// checkSASL reports what a mechanism lacks, and what has no effect with it.
func (l *loader) checkSASL(mechanism string) {
	at, ok := l.given["publish.sasl.mechanism"]
	if l.refused["publish.sasl.mechanism"] {
		return
	}
	var needs []string
	switch mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		needs = []string{"publish.sasl.user", "publish.sasl.password"}
	case "OAUTHBEARER":
		needs = []string{"publish.sasl.token_file"}
	}
	for _, key := range []string{"publish.sasl.user", "publish.sasl.password", "publish.sasl.token_file"} {
		place, given := l.given[key]
		switch needed := slices.Contains(needs, key); {
		case given && !ok:
			l.problems.add(place, "", "%s: publish.sasl.mechanism belongs to it and is not set", key)
		case given && !needed:
			l.problems.add(place, "leave it out", "%s: the mechanism %s does not have it", key, mechanism)
		case needed && !given:
			l.problems.add(at, "", "publish.sasl.mechanism: %s needs %s, which is not set", mechanism, key)
		}
	}
}
