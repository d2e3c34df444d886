package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/readmodel/dashboard"
)

// serviceConfig is everything that can be configured about a running service.
// Each flag can be given as the environment variable named; the flag wins.
type serviceConfig struct {
	storeConfig
	HTTPAddr  string `env:"JANGBU_HTTP_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the read API listens (${default}; port 0: any free one)."`
	AdminAddr string `env:"JANGBU_ADMIN_ADDR" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Where metrics and health are served (${default})."`

	KafkaBrokers []string `env:"JANGBU_KAFKA_BROKERS" placeholder:"HOST:PORT,…" help:"Kafka brokers. Without any, a broker runs embedded."`
	KafkaListen  string   `env:"JANGBU_KAFKA_LISTEN" default:"127.0.0.1:9092" placeholder:"HOST:PORT" help:"Where the embedded broker listens (${default})."`
	KafkaGroup   string   `env:"JANGBU_KAFKA_GROUP" default:"jangbu" placeholder:"NAME" help:"Consumer group (${default})."`
	topicConfig

	RedisURL string `env:"JANGBU_REDIS_URL" placeholder:"URL" help:"Redis that the processes share as a read cache: redis://… or rediss://…. Without one, one runs embedded."`

	keyConfig

	channelConfig

	authConfig
	RatePerToken   float64 `env:"JANGBU_RATE_PER_TOKEN" default:"50" placeholder:"N" help:"Most requests a second of one token's subject (${default}; 0: no limit)."`
	RatePerAddress float64 `env:"JANGBU_RATE_PER_ADDRESS" default:"500" placeholder:"N" help:"Most requests a second from one address (${default}; 0: no limit). Behind a gateway all come from its address."`

	Role []string `env:"JANGBU_ROLE" default:"all" placeholder:"ROLE,…" help:"What this process does: all, or any of ingest, project, poll, api."`
	tracingConfig
	TZ string `name:"tz" env:"JANGBU_TZ" default:"Asia/Seoul" placeholder:"ZONE" help:"Time zone of days and hours (${default})."`
	logConfig
}

// topicConfig names the topics.
type topicConfig struct {
	TopicEventCreated          string `env:"JANGBU_TOPIC_EVENT_CREATED" default:"event-created" placeholder:"TOPIC" help:"Topic of EventCreated (${default})."`
	TopicParticipantRegistered string `env:"JANGBU_TOPIC_PARTICIPANT_REGISTERED" default:"participant-registered" placeholder:"TOPIC" help:"Topic of ParticipantRegistered (${default})."`
	TopicDistributionCompleted string `env:"JANGBU_TOPIC_DISTRIBUTION_COMPLETED" default:"distribution-completed" placeholder:"TOPIC" help:"Topic of DistributionCompleted (${default})."`
	TopicChannelStatsFetched   string `env:"JANGBU_TOPIC_CHANNEL_STATS_FETCHED" default:"channel-stats-fetched" placeholder:"TOPIC" help:"Topic of ChannelStatsFetched (${default})."`
}

func (c topicConfig) topics() map[events.Type]string {
	return map[events.Type]string{
		events.TypeEventCreated:          c.TopicEventCreated,
		events.TypeParticipantRegistered: c.TopicParticipantRegistered,
		events.TypeDistributionCompleted: c.TopicDistributionCompleted,
		events.TypeChannelStatsFetched:   c.TopicChannelStatsFetched,
	}
}

func (c topicConfig) validate(wrong func(flag, format string, args ...any)) {
	seen := make(map[string]bool)
	for t, topic := range c.topics() {
		switch {
		case topic == "":
			wrong("topic", "the topic of %s has no name", t)
		case seen[topic]:
			wrong("topic", "%q is given to two types", topic)
		}
		seen[topic] = true
	}
}

// logConfig says how a command logs.
type logConfig struct {
	LogLevel  string `env:"JANGBU_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level that is logged: ${enum} (${default})."`
	LogFormat string `env:"JANGBU_LOG_FORMAT" default:"text" enum:"text,json" placeholder:"FORMAT" help:"Form of the log: ${enum} (${default})."`
}

func (c logConfig) logger(t terminal) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the flag's enum lets only levels through
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(t.err, &tint.Options{
		Level: level, TimeFormat: time.TimeOnly, NoColor: !isTerminal(t.err),
	}))
}

// isTerminal reports whether somebody sees what is written, and lines can be drawn
// again.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// The roles.
const (
	roleIngest  = "ingest"
	roleProject = "project"
	rolePoll    = "poll"
	roleAPI     = "api"
)

// validate returns one error that names every field that is wrong.
func (c *serviceConfig) validate() error {
	var all problems
	wrong := all.add
	for _, role := range c.Role {
		if !slices.Contains([]string{"all", roleIngest, roleProject, rolePoll, roleAPI}, role) {
			wrong("role", "%q is none of all, ingest, project, poll, api", role)
		}
	}
	c.channelConfig.validate(c.does(rolePoll), wrong)
	if slices.Contains(c.Role, rolePoll) && len(c.configured()) == 0 {
		wrong("role", "poll has nobody to poll: no --channel-…-url is given")
	}
	if location, err := time.LoadLocation(c.TZ); err != nil || c.TZ == "" {
		wrong("tz", "%q is no IANA time zone such as Asia/Seoul", c.TZ)
	} else if err := (dashboard.View{Location: location}).Validate(); err != nil {
		wrong("tz", "%v", err)
	}
	c.validateAddresses(wrong)
	if c.does(roleAPI) {
		c.authConfig.validate(wrong)
	}
	if c.RatePerToken < 0 || c.RatePerAddress < 0 {
		wrong("rate-per-token", "expected 0 or more, and likewise --rate-per-address")
	}
	if _, _, err := net.SplitHostPort(c.KafkaListen); err != nil {
		wrong("kafka-listen", "expected HOST:PORT")
	}
	c.storeConfig.validate(wrong)
	if c.RedisURL != "" {
		if u, err := url.Parse(c.RedisURL); err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
			wrong("redis-url", "expected redis://HOST:PORT or rediss://HOST:PORT")
		}
	}
	c.topicConfig.validate(wrong)
	return all.err()
}

// problems are what is wrong with flags.
type problems []string

// add notes that a flag is wrong, and what was expected.
func (p *problems) add(flag, format string, args ...any) {
	*p = append(*p, "--"+flag+": "+fmt.Sprintf(format, args...))
}

// err returns one error that names all of them; nil where there are none.
func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.Sort(p)
	return fmt.Errorf("%w: %s", errUsage, strings.Join(p, "; "))
}

// validateAddresses refuses to let other machines in where nobody is asked who
// they are.
func (c *serviceConfig) validateAddresses(wrong func(flag, format string, args ...any)) {
	for flag, addr := range map[string]string{"http-addr": c.HTTPAddr, "admin-addr": c.AdminAddr} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			wrong(flag, "expected HOST:PORT, as in 127.0.0.1:8080")
			continue
		}
		ip := net.ParseIP(host)
		if flag == "http-addr" && c.InsecureNoAuth && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			wrong(flag, "%s can be reached from outside, and --insecure-no-auth asks nobody who they are: bind to 127.0.0.1", addr)
		}
	}
}

// limits are those of the read API.
func (c *serviceConfig) limits() httpapi.Limits {
	limit := func(perSecond float64) float64 {
		if perSecond == 0 {
			return -1
		}
		return perSecond
	}
	return httpapi.Limits{PerToken: limit(c.RatePerToken), PerAddress: limit(c.RatePerAddress)}
}

func (c *serviceConfig) does(role string) bool {
	return slices.Contains(c.Role, "all") || slices.Contains(c.Role, role)
}
