package kafka_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
)

// trusting returns the settings of connections to the broker, with a certificate or without.
func trusting(t testing.TB, broker services.SecureKafka, certificate bool) func() (*tls.Config, error) {
	t.Helper()
	text, err := os.ReadFile(broker.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(text)
	if certificate {
		own, err := tls.LoadX509KeyPair(broker.CertFile, broker.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return func() (*tls.Config, error) { return config.Clone(), nil }
}

func saying(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}

// issuer answers with unsigned tokens, as Apache Kafka takes them by default, to one client, and
// counts them.
func issuer(t testing.TB, id, secret string) (url string, issued *atomic.Int32) {
	t.Helper()
	issued = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		if user != id || password != secret || r.PostFormValue("scope") != "kafka topics" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"not %s"}`, password+r.PostFormValue("client_secret"))
			return
		}
		issued.Add(1)
		part := base64.RawURLEncoding.EncodeToString
		claims := fmt.Appendf(nil, `{"sub":%q,"iat":%d,"exp":%d}`, id, time.Now().Unix(), time.Now().Add(time.Hour).Unix())
		token := part([]byte(`{"alg":"none"}`)) + "." + part(claims) + "."
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(server.Close)
	return server.URL, issued
}

// TestSecureBrokers makes a topic, writes to it and reads it as a client that the brokers know by
// each of the ways, and has them refuse one that does not prove it.
func TestSecureBrokers(t *testing.T) {
	t.Parallel()
	broker := services.KafkaTLS(t)
	plain, err := os.ReadFile(broker.PasswordFile)
	if err != nil {
		t.Fatal(err)
	}
	const secret, other = "5ecret-of-the-0wner", "w0rn-out-passw0rd"
	user, _ := broker.ScramUser(t, secret)
	tokens, issued := issuer(t, "jangbu", secret)
	for name, test := range map[string]struct {
		at           string
		proven, not  *kafka.SASL
		certificates bool
	}{
		"mTLS":         {at: broker.MTLS, certificates: true},
		"PLAIN":        {at: broker.SASL, proven: &kafka.SASL{Mechanism: kafka.Plain, User: broker.User, Password: saying(string(plain))}, not: &kafka.SASL{Mechanism: kafka.Plain, User: broker.User, Password: saying(other)}},
		"SCRAM of 256": {at: broker.SASL, proven: &kafka.SASL{Mechanism: kafka.ScramSHA256, User: user, Password: saying(secret)}, not: &kafka.SASL{Mechanism: kafka.ScramSHA256, User: user, Password: saying(other)}},
		"SCRAM of 512": {at: broker.SASL, proven: &kafka.SASL{Mechanism: kafka.ScramSHA512, User: user, Password: saying(secret)}, not: &kafka.SASL{Mechanism: kafka.ScramSHA512, User: user, Password: saying(other)}},
		"OAUTHBEARER": {
			at:     broker.SASL,
			proven: &kafka.SASL{Mechanism: kafka.OAuthBearer, User: "jangbu", Password: saying(secret), TokenURL: tokens, Scopes: []string{"kafka", "topics"}},
			not:    &kafka.SASL{Mechanism: kafka.OAuthBearer, User: "jangbu", Password: saying(other), TokenURL: tokens, Scopes: []string{"kafka", "topics"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := kafka.Config{Brokers: []string{test.at}, TLS: trusting(t, broker, test.certificates), SASL: test.proven}
			topic := services.Topic(t, broker.Plain, "event-created")
			if err := kafka.EnsureTopics(t.Context(), cfg, 1, topic); err != nil {
				t.Fatal(err)
			}
			b := on(t, broker.Plain, topic, topic)
			cfg.Group, cfg.Log = topic, b.log
			b.cfg = cfg
			if err := b.producer.Close(); err != nil { // that without TLS
				t.Fatal(err)
			}
			producer, err := kafka.NewProducer(cfg)
			if err != nil {
				t.Fatal(err)
			}
			b.producer = producer
			frames, _ := b.subscribe(t)
			b.produce(t, "encrypted", 3)
			b.receiveAll(t, frames, 3)

			cfg.SASL = test.not
			if test.certificates {
				cfg.TLS = trusting(t, broker, false)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			described, err := kafka.Describe(ctx, cfg, topic)
			if err == nil {
				t.Fatalf("a client that proves nothing reads %v", described)
			}
			for _, word := range []string{secret, other, string(plain)} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("the error holds a password: %v", err)
				}
			}
		})
	}
	t.Cleanup(func() { // after the parallel ones
		if n := issued.Load(); n != 1 {
			t.Errorf("one SASL got %d tokens for its clients, want one while it lasts", n)
		}
	})
}

// TestBrokersThatRefuse says at once that another attempt would fail the same way.
func TestBrokersThatRefuse(t *testing.T) {
	t.Parallel()
	broker := services.KafkaTLS(t)
	user, _ := broker.ScramUser(t, "right")
	scram := func(mechanism, password string) *kafka.SASL {
		return &kafka.SASL{Mechanism: mechanism, User: user, Password: saying(password)}
	}
	untrusting := func() (*tls.Config, error) { return &tls.Config{RootCAs: x509.NewCertPool()}, nil }
	trusted := trusting(t, broker, false)
	for name, test := range map[string]struct {
		cfg  kafka.Config
		want string
	}{
		"a wrong password":     {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: scram(kafka.ScramSHA512, "wrong")}, "invalid credentials"},
		"another authority":    {kafka.Config{Brokers: []string{broker.SASL}, TLS: untrusting, SASL: scram(kafka.ScramSHA512, "right")}, "certificate signed by unknown authority"},
		"no issuer of tokens":  {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: &kafka.SASL{Mechanism: kafka.OAuthBearer, User: user, Password: saying("p")}}, "expected https://"},
		"no such mechanism":    {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: scram("gssapi", "right")}, "is none of plain"},
		"no user":              {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: &kafka.SASL{Mechanism: kafka.Plain, Password: saying("p")}}, "user: none given"},
		"no password":          {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: &kafka.SASL{Mechanism: kafka.Plain, User: user}}, "password: none given"},
		"forbidden characters": {kafka.Config{Brokers: []string{broker.SASL}, TLS: trusted, SASL: scram(kafka.ScramSHA256, "a\u0000b")}, "characters that SCRAM forbids"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := kafka.EnsureTopics(ctx, test.cfg, 1, "never-made")
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v, want at once one with %q", err, test.want)
			}
		})
	}
}

// TestPasswordIsReadForEachConnection replaces a user's password under a client that goes on,
// on connections that it makes anew.
func TestPasswordIsReadForEachConnection(t *testing.T) {
	t.Parallel()
	broker := services.KafkaTLS(t)
	user, change := broker.ScramUser(t, "first")
	var password atomic.Pointer[string]
	password.Store(new("first"))
	cfg := kafka.Config{
		Brokers: []string{broker.SASL}, TLS: trusting(t, broker, false),
		SASL: &kafka.SASL{Mechanism: kafka.ScramSHA256, User: user, Password: func() (string, error) { return *password.Load(), nil }},
	}
	settings, err := kafka.ClientSettings(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := sarama.NewClient(cfg.Brokers, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	connect := func() error {
		one := client.Brokers()[0]
		if connected, _ := one.Connected(); connected {
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := one.Open(client.Config()); err != nil {
			return err
		}
		_, err := one.Connected()
		return err
	}
	if err := connect(); err != nil {
		t.Fatal(err)
	}
	change("second")
	password.Store(new("second"))
	for deadline := time.Now().Add(patience); ; { // until the broker knows it too
		err := connect()
		if err == nil {
			break
		}
		if !errors.Is(err, sarama.ErrSASLAuthenticationFailed) || time.Now().After(deadline) {
			t.Fatalf("with the new password: %v", err)
		}
	}
	password.Store(new("first"))
	if err := connect(); !errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
		t.Errorf("with the former password: %v", err)
	}
}
