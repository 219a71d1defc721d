package local

import (
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of a server's certificate in its data folder, by the names under
// which MySQL looks for them.
const (
	caFile   = "ca.pem"
	certFile = "server-cert.pem"
	keyFile  = "server-key.pem"
)

// writeCertificate gives a data folder a server certificate for 127.0.0.1 and
// localhost, and that of the authority that signed it. MySQL would make one that
// names no host, MariaDB 11.4 a new one at each start, which takes it seconds.
func writeCertificate(data string) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	server, err := authority.issue("localhost", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return err
	}
	// MySQL wants the key in PKCS #1.
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(server.key)})
	return writeFiles(data, map[string][]byte{
		caFile:   authority.pem(),
		certFile: server.pem(),
		keyFile:  key,
	})
}

// A certificate comes with its key.
type certificate struct {
	*x509.Certificate

	key *rsa.PrivateKey
}

// newAuthority returns a certificate that can sign others.
func newAuthority() (*certificate, error) {
	return sign(&x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Authority of the tests' servers"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
}

// issue returns a certificate for the named server or user, signed by the
// authority. It names this machine's loopback too, for clients that look.
func (c *certificate) issue(name string, use x509.ExtKeyUsage) (*certificate, error) {
	return sign(&x509.Certificate{
		SerialNumber: big.NewInt(rand.Int64N(math.MaxInt64-2) + 2),
		Subject:      pkix.Name{CommonName: name},
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{use},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}, c)
}

// sign makes a key and the certificate for it. The signer nil is for one that
// signs itself.
func sign(template *x509.Certificate, signer *certificate) (*certificate, error) {
	key, err := rsa.GenerateKey(crand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().AddDate(100, 0, 0)
	if signer == nil {
		signer = &certificate{template, key}
	}
	der, err := x509.CreateCertificate(crand.Reader, template, signer.Certificate, key.Public(), signer.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &certificate{made, key}, nil
}

// pem returns the certificate without its key.
func (c *certificate) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// keyPEM returns the key in PKCS #8.
func (c *certificate) keyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeFiles writes files that everybody may read.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
