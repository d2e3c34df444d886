package services

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
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

// ScramUser makes a user of SCRAM-SHA-256 and -512 until the test ends, and returns its name and
// what gives it another password.
func (k SecureKafka) ScramUser(t testing.TB, password string) (name string, change func(password string)) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Plain))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	name = "user-" + strings.ToLower(rand.Text())
	mechanisms := []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512}
	change = func(password string) {
		for _, m := range mechanisms { // a request may name a user once
			altered, err := admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{{User: name, Mechanism: m, Iterations: 4096, Password: password}})
			if err := errors.Join(err, altered.Error()); err != nil {
				t.Fatal(err)
			}
		}
	}
	change(password)
	t.Cleanup(func() {
		for _, m := range mechanisms {
			_, _ = admin.AlterUserSCRAMs(context.WithoutCancel(t.Context()), []kadm.DeleteSCRAM{{User: name, Mechanism: m}}, nil)
		}
	})
	return name, change
}

// DatabaseCA returns the certificate that signed that of the server of [Database].
func DatabaseCA(t testing.TB) string {
	t.Helper()
	return service(t, "JANGBU_TEST_DATABASE_CA_FILE", "AGAINST POSTGRESQL WITH TLS")
}
