package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"github.com/tailrace/tailrace/internal/failure"
)

// The modes of TLS in the source URL.
const (
	tlsDisable    = "disable"
	tlsRequire    = "require"   // encrypted, and whoever answers is believed
	tlsVerifyCA   = "verify-ca" // the certificate is of a CA that is trusted, of whatever host
	tlsVerifyFull = "verify-full"
)

// A tlsChoice is what the source URL says of TLS; ca, cert and key are files.
type tlsChoice struct{ mode, ca, cert, key string }

// settle fills in the mode and refuses what does not go together.
func (c *tlsChoice) settle(local bool) error {
	switch c.mode {
	case "":
		c.mode = tlsVerifyFull
		if local && c.ca == "" && c.cert == "" {
			c.mode = tlsDisable
		}
	case tlsDisable, tlsRequire, tlsVerifyCA, tlsVerifyFull:
	default:
		return failure.Usage("use verify-full, verify-ca, require or disable", "tls=%s in the source URL is not known", c.mode)
	}
	if (c.cert == "") != (c.key == "") {
		return failure.Usage("give both tls_cert= and tls_key=", "the source URL has only one of the two files of a client's certificate")
	}
	if c.mode == tlsDisable && (c.ca != "" || c.cert != "") {
		return failure.Usage("leave one of them out", "the source URL names certificates, and tls=disable uses none")
	}
	if c.mode == tlsRequire && c.ca != "" {
		return failure.Usage("use tls=verify-full or verify-ca, or leave tls_ca out", "the source URL names a CA, and tls=require verifies nobody")
	}
	return nil
}

// config reads the files and returns nil if there is to be no TLS. It is called
// for each connection, so that certificates can be replaced meanwhile.
func (c *tlsChoice) config(host string) (*tls.Config, error) {
	if c.mode == tlsDisable {
		return nil, nil
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.ca != "" {
		pem, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, failure.StopFrom(err, "check tls_ca in the source URL", "the CA's certificate can't be read")
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, failure.Stop("give a file in the PEM form", "%s holds no certificate", c.ca)
		}
	}
	if c.cert != "" {
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, failure.StopFrom(err, "check tls_cert and tls_key in the source URL", "the client's certificate can't be read")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	switch {
	case c.mode == tlsRequire:
		config.InsecureSkipVerify = true
	case c.mode == tlsVerifyCA, host == "":
		config.InsecureSkipVerify = true // of the name; the chain is verified here
		config.VerifyConnection = func(state tls.ConnectionState) error {
			return verifyChain(state.PeerCertificates, config.RootCAs)
		}
	}
	return config, nil
}

func verifyChain(certificates []*x509.Certificate, roots *x509.CertPool) error {
	if len(certificates) == 0 {
		return x509.UnknownAuthorityError{}
	}
	between := x509.NewCertPool()
	for _, c := range certificates[1:] {
		between.AddCert(c)
	}
	_, err := certificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// certificateError returns what in err is about a certificate of the server's
// that does not do, without what the library says around it; nil if nothing is.
func certificateError(err error) error {
	var verification *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &verification):
		return verification
	case errors.As(err, &unknown):
		return unknown
	case errors.As(err, &host):
		return host
	case errors.As(err, &invalid):
		return invalid
	}
	return nil
}
