package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/tailrace/tailrace/internal/failure"
)

// A Login is what SASLMechanism makes a mechanism of.
type Login struct {
	Mechanism string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM
	User      string // of PLAIN and SCRAM
	Password  string
	TokenFile string // of OAUTHBEARER; read at each login, so that it can be replaced meanwhile
	// AWS returns the keys for AWS_MSK_IAM. It is called at each login. nil is
	// for those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
	// AWS_SESSION_TOKEN.
	AWS func(context.Context) (access, secret, session string, err error)
}

// SASLMechanism returns the mechanism for l, or an error of a wrong
// configuration, which never holds the password.
func SASLMechanism(l Login) (sasl.Mechanism, error) {
	switch l.Mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if l.User == "" || l.Password == "" {
			return nil, failure.Usage("give both user and password", "SASL %s has no user or no password", l.Mechanism)
		}
	case "OAUTHBEARER":
		if l.TokenFile == "" {
			return nil, failure.Usage("name the file that holds the token", "SASL OAUTHBEARER has no token file")
		}
	}
	user := "User:" + l.User
	switch l.Mechanism {
	case "PLAIN":
		return login{plain.Auth{User: l.User, Pass: l.Password}.AsMechanism(), user}, nil
	case "SCRAM-SHA-256":
		return login{scram.Auth{User: l.User, Pass: l.Password}.AsSha256Mechanism(), user}, nil
	case "SCRAM-SHA-512":
		return login{scram.Auth{User: l.User, Pass: l.Password}.AsSha512Mechanism(), user}, nil
	case "OAUTHBEARER":
		return login{oauth.Oauth(func(context.Context) (oauth.Auth, error) { return readToken(l.TokenFile) }), "the token's principal"}, nil
	case "AWS_MSK_IAM":
		keys := l.AWS
		if keys == nil {
			keys = environmentKeys
		}
		return login{aws.ManagedStreamingIAM(func(ctx context.Context) (aws.Auth, error) {
			access, secret, session, err := keys(ctx)
			return aws.Auth{AccessKey: access, SecretKey: secret, SessionToken: session}, err
		}), "the IAM identity"}, nil
	}
	return nil, failure.Usage("use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM",
		"SASL mechanism %q is not known", l.Mechanism)
}

// errToken stands before what is wrong with our own side of a login.
var errToken = errors.New("the login could not be made ready")

func readToken(path string) (oauth.Auth, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return oauth.Auth{}, fmt.Errorf("%w: %w", errToken, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return oauth.Auth{}, fmt.Errorf("%w: %s is empty", errToken, path)
	}
	return oauth.Auth{Token: token}, nil
}

func environmentKeys(context.Context) (access, secret, session string, err error) {
	access, secret = os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if access == "" || secret == "" {
		return "", "", "", fmt.Errorf("%w: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set", errToken)
	}
	return access, secret, os.Getenv("AWS_SESSION_TOKEN"), nil
}

// A login is a mechanism that knows whom the brokers take us for.
type login struct {
	sasl.Mechanism
	principal string
}

// Principal names who we are to the brokers' access lists, as well as we know.
func (c *Cluster) Principal() string {
	if l, ok := c.SASL.(login); ok {
		return l.principal
	}
	if c.SASL != nil {
		return "the principal of SASL " + c.SASL.Name()
	}
	if subject := certificateSubject(c.TLS); subject != "" {
		return "User:" + subject
	}
	return "User:ANONYMOUS"
}

func certificateSubject(c *tls.Config) string {
	if c == nil || len(c.Certificates) == 0 || len(c.Certificates[0].Certificate) == 0 {
		return ""
	}
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		return ""
	}
	return leaf.Subject.String()
}

// inClear reports whether the mechanism shows its secret to whoever reads the
// connection.
func inClear(m sasl.Mechanism) bool {
	return m != nil && (m.Name() == "PLAIN" || m.Name() == "OAUTHBEARER")
}
