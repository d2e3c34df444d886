package service

import (
	"io"
	"net"
	"slices"
	"time"

	"jangbu/cmd/jangbu/brokers"
	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/cmd/jangbu/tracing"
	"jangbu/events/bus/embedded"
	"jangbu/events/privacy"
	"jangbu/readmodel/dashboard"
)

// Config is everything that can be configured about a running service. A flag wins over
// its environment variable.
type Config struct {
	stores.Config
	DatabaseConnections int `env:"JANGBU_DATABASE_CONNECTIONS" default:"10" placeholder:"N" help:"Most connections of this process to PostgreSQL (${default}): half for the log and the keys, half for the rows."`

	InsecureDatabase bool `env:"JANGBU_INSECURE_DATABASE" help:"Start also on a PostgreSQL server whose fsync, full_page_writes or synchronous_commit is off, for tests: its crash may lose or damage what was committed."`

	HTTPAddr  string `env:"JANGBU_HTTP_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the read API listens (${default}; port 0: any free one)."`
	AdminAddr string `env:"JANGBU_ADMIN_ADDR" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Where metrics and health are served (${default})."`

	KafkaBrokers            []string      `env:"JANGBU_KAFKA_BROKERS" placeholder:"HOST:PORT,…" help:"Kafka brokers. Without any, a broker runs embedded."`
	KafkaListen             string        `env:"JANGBU_KAFKA_LISTEN" default:"127.0.0.1:9092" placeholder:"HOST:PORT" help:"Where the embedded broker listens (${default})."`
	KafkaListenPasswordFile string        `env:"JANGBU_KAFKA_LISTEN_PASSWORD_FILE" placeholder:"FILE" help:"Password of the embedded broker's user jangbu (SASL, SCRAM-SHA-256 or -512): a file readable by its owner only. Without one, every user of this machine can read and write its topics."`
	KafkaRetention          time.Duration `env:"JANGBU_KAFKA_RETENTION" default:"24h" placeholder:"DURATION" help:"How long the embedded broker keeps records that the log holds (${default}; 0s: for good). A backup that is older lacks them when it is restored."`
	brokers.ClientConfig
	brokers.GroupConfig
	stores.TopicConfig

	redisConfig
	stores.CacheKeyConfig

	stores.KeyConfig
	AcceptLostKeys bool `help:"Start although the key store is new and the log holds pseudonyms: those stay unlinked, new ones begin."`

	channelConfig

	authConfig
	doorConfig
	gatewayConfig
	limitConfig

	AccessLog string    `env:"JANGBU_ACCESS_LOG" default:"stdout" placeholder:"stdout|FILE|off" help:"Where a line of JSON is written for each request to the read API: who read what (${default})."`
	Stdout    io.Writer `kong:"-"`

	ServeStale time.Duration `env:"JANGBU_SERVE_STALE" default:"5m" placeholder:"DURATION" help:"How long dashboards and digests are answered with what was last read while the database is away, marked as delayed (${default}; 0s: not at all)."`

	Drain time.Duration `env:"JANGBU_DRAIN" default:"5s" placeholder:"DURATION" help:"How long the read API goes on when the process is to stop, while /readyz says so already (${default}; 0s: not at all)."`

	Role        []string      `env:"JANGBU_ROLE" default:"all" placeholder:"ROLE,…" help:"What this process does: all, or any of ingest, project, poll, api."`
	AuditWithin time.Duration `env:"JANGBU_AUDIT_WITHIN" default:"24h" placeholder:"DURATION" help:"Within what time every campaign's numbers are compared with the log, and mended (${default})."`
	// HistoryEvery is how often the leader compares the rows' history with the log's; 0 is
	// [runner.DefaultHistoryEvery].
	HistoryEvery time.Duration `kong:"-"`
	// CanaryEvery is how often a canary is sent from topic to row; 0 is [health.CanaryEvery].
	CanaryEvery time.Duration `kong:"-"`
	cli.MemoryConfig
	tracing.Endpoint
	cli.ZoneConfig
	cli.LogConfig
}

// The roles, which are also the parts of the service.
const (
	roleIngest  = "ingest"
	roleProject = "project"
	rolePoll    = "poll"
	roleAPI     = "api"
)

// validate returns one error that names every flag that is wrong.
func (c *Config) validate() error {
	var all cli.Problems
	wrong := all.Add
	for _, role := range c.Role {
		if !slices.Contains([]string{"all", roleIngest, roleProject, rolePoll, roleAPI}, role) {
			wrong("role", "%q is none of all, ingest, project, poll, api", role)
		}
	}
	c.channelConfig.validate(c.does(rolePoll), wrong)
	if slices.Contains(c.Role, rolePoll) && len(c.configured()) == 0 {
		wrong("role", "poll has nothing to poll: no --channel-…-url is given")
	}
	location, err := c.Location()
	if err == nil {
		err = dashboard.View{Location: location}.Validate()
	}
	if err != nil {
		wrong("tz", "%v", err)
	}
	c.validateAddresses(wrong)
	if c.does(roleAPI) {
		c.authConfig.validate(wrong)
		c.door(wrong)
		c.gatewayConfig.validate(wrong)
	}
	if c.Drain < 0 || c.Drain > maxDrain {
		wrong("drain", "expected 0s to %v", maxDrain)
	}
	if c.ServeStale < 0 {
		wrong("serve-stale", "expected 0s or more, as in 5m")
	}
	c.limitConfig.validate(wrong)
	if c.AuditWithin < time.Second {
		wrong("audit-within", "expected 1s or more, as in 24h")
	}
	if c.does(roleAPI) && c.AccessLog == "" {
		wrong("access-log", "expected stdout, a file, or off")
	}
	c.validateBroker(wrong)
	c.Config.Check(wrong)
	if c.DatabaseConnections < stores.MinConnections {
		wrong("database-connections", "%d are too few: the log with the keys, and the rows, need %d each", c.DatabaseConnections, stores.MinConnections/2)
	}
	c.ClientConfig.Check(c.KafkaBrokers, wrong)
	c.GroupConfig.Check(wrong)
	c.redisConfig.validate(wrong)
	c.TopicConfig.Check(wrong)
	return all.Err()
}

// validateAddresses reports addresses that are wrong, and one that other machines can reach
// although callers are not identified.
func (c *Config) validateAddresses(wrong func(flag, format string, args ...any)) {
	for flag, addr := range map[string]string{"http-addr": c.HTTPAddr, "admin-addr": c.AdminAddr} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			wrong(flag, "expected HOST:PORT, as in 127.0.0.1:8080")
			continue
		}
		if flag == "http-addr" && c.InsecureNoAuth && !loopback(host) {
			wrong(flag, "%s can be reached from outside, and --insecure-no-auth asks for no token: bind to 127.0.0.1", addr)
		}
	}
}

// validateBroker reports what is wrong with the embedded broker, and flags that have no effect.
func (c *Config) validateBroker(wrong func(flag, format string, args ...any)) {
	host, _, err := net.SplitHostPort(c.KafkaListen)
	if c.KafkaRetention < 0 || c.KafkaRetention > 0 && c.KafkaRetention < time.Second {
		wrong("kafka-retention", "%v is below 1s; 0s keeps all records", c.KafkaRetention)
	}
	switch {
	case err != nil:
		wrong("kafka-listen", "expected HOST:PORT")
	case len(c.KafkaBrokers) > 0:
		if c.KafkaListenPasswordFile != "" {
			wrong("kafka-listen-password-file", "no broker runs embedded where --kafka-brokers is given")
		}
	case c.Given():
		wrong("kafka-brokers", "required with --kafka-tls and --kafka-sasl")
	case c.KafkaListenPasswordFile != "":
		if _, err := c.brokerPassword(); err != nil {
			wrong("kafka-listen-password-file", "%v", err)
		}
	case !loopback(host) && (c.does(roleIngest) || c.does(rolePoll)):
		wrong("kafka-listen", "%s can be reached from outside, and the embedded broker asks for no password: give --kafka-listen-password-file, or bind to 127.0.0.1", c.KafkaListen)
	}
}

// brokerPassword returns the password of the embedded broker's user; empty: it asks for none.
func (c *Config) brokerPassword() (string, error) {
	if c.KafkaListenPasswordFile == "" {
		return "", nil
	}
	secret, err := stores.ReadSecret(c.KafkaListenPasswordFile)
	if err != nil {
		return "", err
	}
	return string(secret), embedded.CheckPassword(string(secret))
}

// loopback reports whether only this machine reaches a host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// cacheKey returns the key that authenticates what the processes share in a Redis. An embedded
// one has a key of its own.
func (c *Config) cacheKey() (privacy.CacheKey, error) {
	if c.RedisURL == "" || !c.does(roleProject) && !c.does(roleAPI) {
		return privacy.NewCacheKey(), nil
	}
	return c.CacheKey(&c.Config, c.KeyConfig, "with --redis-url")
}

// does reports whether the process has a role.
func (c *Config) does(role string) bool {
	return slices.Contains(c.Role, "all") || slices.Contains(c.Role, role)
}

// Embedded returns a configuration with all parts embedded, on free ports and with their
// files in dir. It asks for no tokens and limits no rates.
func Embedded(dir string) Config {
	return Config{
		Config: stores.Config{DataDir: dir}, DatabaseConnections: stores.DefaultConnections, InsecureDatabase: true,
		HTTPAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0",
		KafkaListen: "127.0.0.1:0", GroupConfig: brokers.GroupConfig{KafkaGroup: "jangbu"}, TopicConfig: stores.DefaultTopics(),
		channelConfig: defaultPolling(),
		authConfig:    authConfig{InsecureNoAuth: true}, AccessLog: "off", ServeStale: 5 * time.Minute,
		AuditWithin: 24 * time.Hour,
		Role:        []string{"all"},
	}
}
