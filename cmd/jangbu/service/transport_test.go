package service

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/eventstest/services"
)

// TestTransportConfig says of each flag of transport that is wrong what is, and never what a secret
// file or a URL holds.
func TestTransportConfig(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	cert, key := authority.Issue(t, "own")
	_, otherKey := authority.Issue(t, "other")
	const secret = "5ecret-0815"
	file := secretFile(t, secret)
	open := secretFile(t, secret)
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	openKey := filepath.Join(t.TempDir(), "key")
	text, err := os.ReadFile(key)
	if err == nil {
		err = os.WriteFile(openKey, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	kafka := func(c *Config) {
		c.KafkaBrokers, c.KafkaSASL, c.KafkaSASLUsername, c.KafkaSASLPasswordFile = []string{"kafka:9092"}, "scram-sha-256", "jangbu", file
	}
	for name, test := range map[string]struct {
		change func(*Config)
		want   []string // a part of each problem, in the order of flags
	}{
		"nothing": {func(*Config) {}, nil},
		"everything": {func(c *Config) {
			kafka(c)
			c.KafkaTLS, c.KafkaTLSFiles = true, stores.TLSConfig{CAFile: authority.CAFile, CertFile: cert, KeyFile: key}
			c.RedisURL, c.RedisPasswordFile, c.RedisTLSFiles = "rediss://jangbu@redis:6379/1", file, c.KafkaTLSFiles
			c.DatabasePasswordFile, c.TLSCertFile, c.TLSKeyFile = file, cert, key
			c.BasePath, c.CORSOrigins = "/shops/analytics", []string{"https://a.example.com", "http://localhost:3000", "https://[::1]:8443"}
		}, nil},
		"SASL": {func(c *Config) { kafka(c) }, nil},
		"tokens": {func(c *Config) {
			kafka(c)
			c.KafkaSASL, c.KafkaSASLTokenURL, c.KafkaSASLScope = "oauthbearer", "https://id.example.com/token", "a b"
		}, nil},
		"the root as base path": {func(c *Config) { c.BasePath = "/" }, nil},

		"a broker's password":           {func(c *Config) { c.KafkaListenPasswordFile = secretFile(t, "a password of several words") }, []string{"kafka-listen-password-file: the password has characters"}},
		"a broker's short password":     {func(c *Config) { c.KafkaListenPasswordFile = secretFile(t, "short") }, []string{"kafka-listen-password-file: the password has 5 bytes, expected 16"}},
		"a broker's password for all":   {func(c *Config) { c.KafkaListenPasswordFile = open }, []string{"kafka-listen-password-file: read secret: " + open + " has mode 0640"}},
		"a broker's password for Kafka": {func(c *Config) { kafka(c); c.KafkaListenPasswordFile = file }, []string{"kafka-listen-password-file: no broker runs embedded"}},
		"an open broker for others":     {func(c *Config) { c.KafkaListen = "192.0.2.1:9092" }, []string{"kafka-listen: 192.0.2.1:9092 can be reached from outside"}},
		"SASL for no brokers":           {func(c *Config) { kafka(c); c.KafkaBrokers = nil }, []string{"kafka-brokers: required with --kafka-tls"}},
		"a mechanism":                   {func(c *Config) { kafka(c); c.KafkaSASL = "gssapi" }, []string{`kafka-sasl: "gssapi" is none of plain`}},
		"a mechanism alone":             {func(c *Config) { c.KafkaBrokers, c.KafkaSASL = []string{"k:1"}, "plain" }, []string{"kafka-sasl-password-file: required", "kafka-sasl-username: required"}},
		"a user alone":                  {func(c *Config) { c.KafkaBrokers, c.KafkaSASLUsername = []string{"k:1"}, "u" }, []string{"kafka-sasl: required with the other"}},
		"a scope without tokens":        {func(c *Config) { kafka(c); c.KafkaSASLScope = "s" }, []string{"kafka-sasl-token-url: only oauthbearer"}},
		"tokens from afar":              {func(c *Config) { kafka(c); c.KafkaSASL, c.KafkaSASLTokenURL = "oauthbearer", "http://id.example.com/" }, []string{"kafka-sasl-token-url: expected https://"}},
		"tokens from nowhere":           {func(c *Config) { kafka(c); c.KafkaSASL = "oauthbearer" }, []string{"kafka-sasl-token-url: expected https://"}},
		"a password for all":            {func(c *Config) { kafka(c); c.KafkaSASLPasswordFile = open }, []string{"kafka-sasl-password-file: read secret: " + open + " has mode 0640"}},
		"no password":                   {func(c *Config) { kafka(c); c.KafkaSASLPasswordFile = none }, []string{"kafka-sasl-password-file: read secret: open " + none}},
		"an empty password":             {func(c *Config) { kafka(c); c.KafkaSASLPasswordFile = secretFile(t, "") }, []string{"holds 0 bytes"}},
		"an authority, no TLS":          {func(c *Config) { kafka(c); c.KafkaTLSFiles.CAFile = authority.CAFile }, []string{"kafka-tls: required with"}},
		"no authority":                  {func(c *Config) { kafka(c); c.KafkaTLS, c.KafkaTLSFiles.CAFile = true, none }, []string{"kafka-tls-ca-file: read certificates: open " + none}},
		"an authority of no PEM":        {func(c *Config) { kafka(c); c.KafkaTLS, c.KafkaTLSFiles.CAFile = true, file }, []string{file + " holds none in PEM"}},
		"a client's key alone":          {func(c *Config) { kafka(c); c.KafkaTLS, c.KafkaTLSFiles.KeyFile = true, key }, []string{"kafka-tls-cert-file: give both or neither of it and --kafka-tls-key-file"}},
		"a Redis by HTTP":               {func(c *Config) { c.RedisURL = "http://" + secret + "@redis" }, []string{"redis-url: expected redis://"}},
		"a cluster with a database":     {func(c *Config) { c.RedisURL = "redis-cluster://a:1,b:2/1" }, []string{"redis-url: expected redis://"}},
		"a cluster without ports":       {func(c *Config) { c.RedisURL = "redis-cluster://a,b" }, []string{"redis-url: expected redis://"}},
		"Sentinels without a master":    {func(c *Config) { c.RedisURL = "redis-sentinel://a:1,b:2" }, []string{"redis-url: expected redis://"}},
		"a Redis's password":            {func(c *Config) { c.RedisPasswordFile = file }, []string{"redis-url: required with --redis-password-file"}},
		"two passwords":                 {func(c *Config) { c.RedisURL, c.RedisPasswordFile = "redis://u:"+secret+"@r", file }, []string{"redis-password-file: the URL has a password too"}},
		"a Redis without TLS":           {func(c *Config) { c.RedisURL, c.RedisTLSFiles.CAFile = "redis://r", authority.CAFile }, []string{"redis-url: expected rediss://"}},
		"a cluster without TLS":         {func(c *Config) { c.RedisURL, c.RedisTLSFiles.CAFile = "redis-cluster://a:1,b:2", authority.CAFile }, []string{"redis-url: expected rediss://"}},
		"a database's password":         {func(c *Config) { c.DatabasePasswordFile = none }, []string{"database-password-file: read secret: open " + none}},
		"a certificate alone":           {func(c *Config) { c.TLSCertFile = cert }, []string{"tls-cert-file: give both or neither of it and --tls-key-file"}},
		"another's key":                 {func(c *Config) { c.TLSCertFile, c.TLSKeyFile = cert, otherKey }, []string{"tls-cert-file: read certificate " + cert + " with private key " + otherKey}},
		"a key for all":                 {func(c *Config) { c.TLSCertFile, c.TLSKeyFile = cert, openKey }, []string{"read private key: " + openKey + " has mode 0644"}},
		"a path that ends in a /":       {func(c *Config) { c.BasePath = "/a/" }, []string{`base-path: "/a/": expected /PATH`}},
		"a path with a query":           {func(c *Config) { c.BasePath = "/a?b" }, []string{"expected /PATH"}},
		"a path that goes up":           {func(c *Config) { c.BasePath = "/a/../b" }, []string{"expected /PATH"}},
		"no path":                       {func(c *Config) { c.BasePath = "a" }, []string{"expected /PATH"}},
		"every origin":                  {func(c *Config) { c.CORSOrigins = []string{"*"} }, []string{`cors-origins: "*": expected an origin`}},
		"no origin":                     {func(c *Config) { c.CORSOrigins = []string{"null"} }, []string{"expected an origin"}},
		"an origin with a path":         {func(c *Config) { c.CORSOrigins = []string{"https://a.example.com/"} }, []string{"without a path"}},
		"an origin with its port":       {func(c *Config) { c.CORSOrigins = []string{"https://a.example.com:443"} }, []string{"browsers leave out the port"}},
		"origins in capitals":           {func(c *Config) { c.CORSOrigins = []string{"https://A.example.com"} }, []string{"in lower case"}},
	} {
		cfg := testConfig(t.TempDir())
		test.change(&cfg)
		var got []string
		if err := cfg.validate(); err != nil {
			got = strings.Split(err.Error(), "; --")
		}
		same := slices.EqualFunc(got, test.want, strings.Contains)
		if !same || strings.Contains(strings.Join(got, ""), secret) {
			t.Errorf("%s: %q, want problems with %q", name, got, test.want)
		}
	}
}
