package service

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// secrets are those of encrypted, none of which may be told.
const (
	kafkaSecret = "kafka-5ecret-0815"
	redisSecret = "redis-5ecret-0815"
)

// secretFile writes a file that only its owner may read.
func secretFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// encrypted returns a service on Apache Kafka with TLS and SCRAM, PostgreSQL with verify-full and
// Redis with TLS, a client's certificate and a user; it serves HTTPS. The password is PostgreSQL's.
func encrypted(t *testing.T, authority *services.Authority) (cfg Config, password string) {
	t.Helper()
	cfg = testConfig(t.TempDir())
	broker := services.KafkaTLS(t)
	cfg.KafkaBrokers, cfg.KafkaTLS, cfg.KafkaTLSFiles = []string{broker.SASL}, true, stores.TLSConfig{CAFile: broker.CAFile}
	cfg.KafkaSASL, cfg.KafkaSASLPasswordFile = "scram-sha-512", secretFile(t, kafkaSecret)
	cfg.KafkaSASLUsername, _ = broker.ScramUser(t, kafkaSecret)
	cfg.KafkaGroup = services.Topic(t, broker.Plain, "group")
	for _, topic := range []*string{&cfg.TopicEventCreated, &cfg.TopicParticipantRegistered, &cfg.TopicDistributionCompleted, &cfg.TopicChannelStatsFetched} {
		*topic = services.Topic(t, broker.Plain, *topic)
	}

	database, err := url.Parse(services.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ = database.User.Password()
	database.User = url.User(database.User.Username())
	database.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {services.DatabaseCA(t)}}.Encode()
	cfg.DatabaseURL, cfg.DatabasePasswordFile = database.String(), secretFile(t, password)
	cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
		t.Fatal(err)
	}

	cfg.RedisTLSFiles.CAFile = authority.CAFile
	cfg.RedisTLSFiles.CertFile, cfg.RedisTLSFiles.KeyFile = authority.Issue(t, "redis-client")
	cfg.RedisURL, cfg.RedisPasswordFile = "rediss://jangbu@"+services.StartRedis(t, redisTLS(t, authority)...).Addr+"/0", secretFile(t, redisSecret)

	cfg.TLSCertFile, cfg.TLSKeyFile = authority.Issue(t, "api")
	return cfg, password
}

// redisTLS returns options of a Redis that takes clients with a certificate only, and the user of
// the documentation only.
func redisTLS(t testing.TB, authority *services.Authority) []string {
	t.Helper()
	dir := t.TempDir()
	acl := filepath.Join(dir, "users.acl")
	document, err := os.ReadFile(filepath.Join("..", "operate", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rights, _ := strings.Cut(string(document), "ACL SETUSER ")
	rights, _, _ = strings.Cut(rights, "\n\n")
	user := strings.Fields(strings.ReplaceAll(rights, "PASSWORD", redisSecret))
	users := "user default off\nuser " + strings.Join(user, " ") + "\n"
	if err := os.WriteFile(acl, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := authority.Issue(t, "redis")
	return []string{
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", authority.CAFile,
		"--tls-auth-clients", "yes", "--aclfile", acl,
	}
}

// TestEncryptedThroughout follows an event through connections all of which are encrypted and
// authenticated, and looks for their secrets in what the service tells.
func TestEncryptedThroughout(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	cfg, password := encrypted(t, authority)
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄","objective":"x"}`))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	ask := func(path string) (status int, policy string, body io.ReadCloser) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+b.httpAddr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		if res.ProtoMajor != 2 {
			t.Errorf("%s is answered over HTTP/%d", path, res.ProtoMajor)
		}
		return res.StatusCode, res.Header.Get("Strict-Transport-Security"), res.Body
	}
	waitFor(t, time.Minute, func() string {
		status, policy, _ := ask("/api/events/evt-1/analytics")
		if !strings.HasPrefix(policy, "max-age=31536000") {
			t.Errorf("the policy of transport is %q", policy)
		}
		if status != http.StatusOK {
			return http.StatusText(status)
		}
		return ""
	})

	_, _, stream := ask("/api/events/evt-1/analytics/stream")
	b.produce(t, record(cfg.TopicParticipantRegistered, "evt-1", `{"eventId":"evt-1","participantId":"p-1","phoneNumber":"010-1234-5678"}`))
	var seen strings.Builder
	for text := make([]byte, 4096); !strings.Contains(seen.String(), `"totalParticipants":1`); {
		n, err := stream.Read(text)
		if err != nil {
			t.Fatalf("the stream ended with %v after %s", err, seen.String())
		}
		seen.Write(text[:n])
	}
	_ = stream.Close()

	options, err := cfg.options(cfg.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	direct := redis.NewClient(options)
	defer func() { _ = direct.Close() }()
	waitFor(t, 10*time.Second, func() string {
		if err := direct.Get(t.Context(), "analytics:dashboard:evt-1").Err(); err != nil {
			return "the cache's entry: " + err.Error()
		}
		return ""
	})
	// On a loaded machine one operation may miss its deadline; that all of them do is the fault.
	waitFor(t, 10*time.Second, func() string {
		before := b.cache.Stats()
		ask("/api/events/evt-1/analytics")
		if after := b.cache.Stats(); after.Errors > before.Errors || after.Shared.Breaker != "closed" || after.Notices == 0 {
			return fmt.Sprintf("the cache on Redis: %+v, then %+v", before, after)
		}
		return ""
	})

	admin, err := http.Get(b.adminURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(admin.Body)
	_ = admin.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	told := b.log.String() + string(metrics)
	for _, line := range b.lines {
		told += line.String()
	}
	for _, secret := range []string{kafkaSecret, redisSecret, password} {
		if strings.Contains(told, secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

// TestSecretsThatAreRefused starts a service that one of its servers does not know.
func TestSecretsThatAreRefused(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	cfg, _ := encrypted(t, authority)
	const wrong = "wr0ng-5ecret"
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"Kafka's password":      {func(c *Config) { c.KafkaSASLPasswordFile = secretFile(t, wrong) }, "invalid credentials"},
		"Kafka's authority":     {func(c *Config) { c.KafkaTLSFiles.CAFile = authority.CAFile }, "unknown authority"},
		"PostgreSQL's password": {func(c *Config) { c.DatabasePasswordFile = secretFile(t, wrong) }, "password authentication failed"},
		"PostgreSQL's authority": {func(c *Config) {
			c.DatabaseURL = strings.Replace(c.DatabaseURL, url.QueryEscape(services.DatabaseCA(t)), url.QueryEscape(authority.CAFile), 1)
		}, "unknown authority"},
		"a file for all": {func(c *Config) { _ = os.Chmod(c.RedisPasswordFile, 0o644) }, "others may use it"},
	} {
		changed := cfg
		changed.RedisPasswordFile = secretFile(t, redisSecret)
		test.change(&changed)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		s, err := Start(ctx, changed, slog.New(slog.DiscardHandler))
		cancel()
		switch {
		case err == nil:
			t.Errorf("%s: the service started", name)
			_ = s.Stop()
		case !strings.Contains(err.Error(), test.want), strings.Contains(err.Error(), wrong), strings.Contains(err.Error(), kafkaSecret):
			t.Errorf("%s: %v; want an error with %q and no secret", name, err, test.want)
		}
	}
}

// TestCertificateIsReplaced replaces the files under a service that goes on, one after the other,
// and has it serve the former pair as long as the files do not belong together.
func TestCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	cfg := testConfig(t.TempDir())
	cfg.Role = []string{roleAPI}
	cfg.TLSCertFile, cfg.TLSKeyFile = authority.Issue(t, "api")
	s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	serial := func() string {
		t.Helper()
		d := tls.Dialer{Config: &tls.Config{RootCAs: authority.Pool}}
		conn, err := d.DialContext(t.Context(), "tcp", s.httpAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if again := serial(); again != first {
		t.Fatalf("the certificate %s became %s by itself", first, again)
	}
	cert, key := authority.Issue(t, "next")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(cert, cfg.TLSCertFile)
	if got := serial(); got != first {
		t.Errorf("with the next certificate and the first key, %s is served, want %s", got, first)
	}
	move(key, cfg.TLSKeyFile)
	next := serial()
	if next == first {
		t.Errorf("the first certificate is served, although both files are the next ones")
	}
	if err := os.Remove(cfg.TLSKeyFile); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != next {
		t.Errorf("without a key %s is served, want the one before, %s", got, next)
	}
}
