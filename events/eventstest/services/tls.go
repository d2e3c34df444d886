package services

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SecureKafka is a broker of Apache Kafka that listens for TLS.
type SecureKafka struct {
	Plain string // its address without TLS, where every client may do everything
	// SASL and MTLS are its addresses for clients with a password or a token, and for those
	// with a certificate.
	SASL, MTLS string
	// CAFile is the certificate that signed those of the servers and the clients; CertFile and
	// KeyFile are a client's.
	CAFile, CertFile, KeyFile string
	// User and PasswordFile are those of the mechanism PLAIN.
	User, PasswordFile string
}

// KafkaTLS returns the broker of [Kafka] as clients with TLS reach it.
func KafkaTLS(t testing.TB) SecureKafka {
	t.Helper()
	broker := Kafka(t)
	dir := service(t, "JANGBU_TEST_KAFKA_TLS", "AGAINST APACHE KAFKA WITH TLS")
	in := func(file string) string { return filepath.Join(dir, file) }
	address := func(file string) string {
		text, err := os.ReadFile(in(file))
		if err != nil {
			t.Fatalf("JANGBU_TEST_KAFKA_TLS: %v", err)
		}
		return strings.TrimSpace(string(text))
	}
	return SecureKafka{
		Plain: broker, SASL: address("sasl-brokers"), MTLS: address("mtls-brokers"),
		CAFile: in("ca.pem"), CertFile: in("client.pem"), KeyFile: in("client.key"),
		User: "jangbu", PasswordFile: in("plain-password"),
	}
}

// DatabaseCA returns the certificate that signed that of the server of [Database].
func DatabaseCA(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_DATABASE_CA_FILE", "AGAINST POSTGRESQL WITH TLS")
}
