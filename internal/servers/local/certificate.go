package local

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
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
	authority, server, key, err := newCertificate()
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		bytes      []byte
	}{{caFile, "CERTIFICATE", authority}, {certFile, "CERTIFICATE", server}, {keyFile, "RSA PRIVATE KEY", key}} {
		path := filepath.Join(data, f.name)
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.bytes})
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	return nil
}

// newCertificate returns, as DER, an authority, a server's certificate that it
// signed, and the server's key in PKCS #1.
func newCertificate() (authority, server, key []byte, err error) {
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Authority of the tests' servers"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(100, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, nil, err
	}
	leafKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, nil, err
	}
	if authority, err = x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey); err != nil {
		return nil, nil, nil, err
	}
	if server, err = x509.CreateCertificate(rand.Reader, leaf, ca, leafKey.Public(), caKey); err != nil {
		return nil, nil, nil, err
	}
	return authority, server, x509.MarshalPKCS1PrivateKey(leafKey), nil
}
