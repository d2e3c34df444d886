package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

// certificates are one simulator's. They are not stored.
type certificates struct {
	roots                    *x509.CertPool
	rootsPEM                 []byte
	good, expired, wrongHost tls.Certificate
}

// newCertificates makes a certificate authority and the certificates that it signs. Clients
// check them by their own clock, so now is this machine's time and not [Config]'s.
func newCertificates(now time.Time) (*certificates, error) {
	day := 24 * time.Hour
	authority := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Simulated channels' authority"},
		NotBefore:             now.Add(-2 * day),
		NotAfter:              now.Add(3650 * day),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	authorityKey, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	if authority, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("make authority: %w", err)
	}
	cs := &certificates{
		roots:    x509.NewCertPool(),
		rootsPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	cs.roots.AddCert(authority)

	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	for _, leaf := range []struct {
		into     *tls.Certificate
		ips      []net.IP
		host     string
		notAfter time.Time
	}{
		{&cs.good, loopback, "localhost", authority.NotAfter},
		{&cs.expired, loopback, "localhost", now.Add(-time.Hour)},
		{&cs.wrongHost, nil, "elsewhere.example", authority.NotAfter},
	} {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			Subject:     pkix.Name{CommonName: "Simulated channel"},
			NotBefore:   now.Add(-day),
			NotAfter:    leaf.notAfter,
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			IPAddresses: leaf.ips,
			DNSNames:    []string{leaf.host},
		}, authority, key.Public(), authorityKey)
		if err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
		*leaf.into = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return cs, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

// config chooses the certificate in each handshake, by the fault. A resumed session would
// not show the certificate, so there are no tickets.
func (cs *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch below(hello.Conn).fault {
			case TLSExpired:
				return &cs.expired, nil
			case TLSWrongHost:
				return &cs.wrongHost, nil
			default:
				return &cs.good, nil
			}
		},
	}
}
