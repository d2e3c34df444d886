package stores

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// maxPEMBytes bounds the file of a private key.
const maxPEMBytes = 1 << 20

// TLSConfig is the flags of a client that connects by TLS. Each is embedded with a prefix that
// says to what, as in kafka-tls- and JANGBU_KAFKA_TLS_.
type TLSConfig struct {
	CAFile   string `name:"ca-file" env:"CA_FILE" placeholder:"FILE" help:"Certificates, PEM, one of which must have signed the servers'. Without it, the system's."`
	CertFile string `name:"cert-file" env:"CERT_FILE" placeholder:"FILE" help:"Certificate, PEM, by which this client authenticates."`
	KeyFile  string `name:"key-file" env:"KEY_FILE" placeholder:"FILE" help:"Private key of that certificate, PEM, readable by its owner only."`
}

// Client returns the settings of a connection. It reads the files, so that one who calls it
// for each connection follows their changes.
func (c TLSConfig) Client() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read certificates: %s holds none in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		own, err := ReadCertificate(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// Given reports whether any of the flags is given.
func (c TLSConfig) Given() bool { return c != TLSConfig{} }

// Check reports each flag that is wrong; prefix is what their names begin with.
func (c TLSConfig) Check(prefix string, wrong func(flag, format string, args ...any)) {
	if (c.CertFile == "") != (c.KeyFile == "") {
		wrong(prefix+"cert-file", "give both or neither of it and --%skey-file", prefix)
	} else if _, err := c.Client(); err != nil {
		wrong(prefix+"ca-file", "%v", err)
	}
}

// ReadCertificate reads a certificate, with those between it and its root, and its key, which
// only its owner may read.
func ReadCertificate(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read certificate: %w", err)
	}
	key, err := readOwn(keyFile, maxPEMBytes)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read private key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil { // it quotes neither
		return tls.Certificate{}, fmt.Errorf("read certificate %s with private key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}
