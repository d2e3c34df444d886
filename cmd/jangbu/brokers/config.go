package brokers

import (
	"crypto/tls"
	"strings"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/bus/kafka"
)

// ClientConfig is the flags that say how brokers are reached.
type ClientConfig struct {
	KafkaTLS              bool             `name:"kafka-tls" env:"JANGBU_KAFKA_TLS" help:"Encrypt connections to the brokers."`
	KafkaTLSFiles         stores.TLSConfig `embed:"" prefix:"kafka-tls-" envprefix:"JANGBU_KAFKA_TLS_"`
	KafkaSASL             string           `name:"kafka-sasl" env:"JANGBU_KAFKA_SASL" placeholder:"MECHANISM" help:"Authenticate by SASL: plain, scram-sha-256, scram-sha-512 or oauthbearer."`
	KafkaSASLUsername     string           `name:"kafka-sasl-username" env:"JANGBU_KAFKA_SASL_USERNAME" placeholder:"NAME" help:"User's name; with oauthbearer, the client ID."`
	KafkaSASLPasswordFile string           `name:"kafka-sasl-password-file" env:"JANGBU_KAFKA_SASL_PASSWORD_FILE" placeholder:"FILE" help:"User's password, or client's secret: a file readable by its owner only."`
	KafkaSASLTokenURL     string           `name:"kafka-sasl-token-url" env:"JANGBU_KAFKA_SASL_TOKEN_URL" placeholder:"URL" help:"Where oauthbearer gets tokens, by client credentials: https://…, or http:// on this machine."`
	KafkaSASLScope        string           `name:"kafka-sasl-scope" env:"JANGBU_KAFKA_SASL_SCOPE" placeholder:"SCOPE" help:"Scopes that such a token asks for, with spaces between. Without any, the issuer chooses."`
}

// GroupConfig is the flags that say as what the topics are read.
type GroupConfig struct {
	KafkaGroup string `env:"JANGBU_KAFKA_GROUP" default:"jangbu" placeholder:"NAME" help:"Consumer groups, one a topic: NAME.TOPIC (${default})."`
	Instance   string `env:"JANGBU_INSTANCE" placeholder:"NAME" help:"Name of this process in its groups, unlike any other's: started again within 6 s, it reads its partitions on, and no others stand. Without one, other processes take them when it stops."`
}

// Check reports each flag that is wrong.
func (c GroupConfig) Check(wrong func(flag, format string, args ...any)) {
	if err := kafka.CheckInstance(c.Instance); err != nil {
		wrong("instance", "%v", err)
	}
}

// Check reports each flag that is wrong, and a broker of --kafka-brokers that is no address.
func (c ClientConfig) Check(brokers []string, wrong func(flag, format string, args ...any)) {
	if err := kafka.CheckBrokers(brokers); err != nil {
		wrong("kafka-brokers", "%v", err)
	}
	if c.KafkaTLSFiles.Given() && !c.KafkaTLS {
		wrong("kafka-tls", "required with --kafka-tls-ca-file, --kafka-tls-cert-file and --kafka-tls-key-file")
	}
	c.KafkaTLSFiles.Check("kafka-tls-", wrong)
	if c.KafkaSASL == "" {
		if c.KafkaSASLUsername != "" || c.KafkaSASLPasswordFile != "" || c.KafkaSASLTokenURL != "" || c.KafkaSASLScope != "" {
			wrong("kafka-sasl", "required with the other --kafka-sasl-… flags: plain, scram-sha-256, scram-sha-512 or oauthbearer")
		}
		return
	}
	switch c.KafkaSASL {
	case kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512:
		if c.KafkaSASLTokenURL != "" || c.KafkaSASLScope != "" {
			wrong("kafka-sasl-token-url", "only oauthbearer takes it, and --kafka-sasl-scope")
		}
	case kafka.OAuthBearer:
		if err := kafka.CheckTokenURL(c.KafkaSASLTokenURL); err != nil {
			wrong("kafka-sasl-token-url", "%v", err)
		}
	default:
		wrong("kafka-sasl", "%q is none of plain, scram-sha-256, scram-sha-512, oauthbearer", c.KafkaSASL)
	}
	if c.KafkaSASLUsername == "" {
		wrong("kafka-sasl-username", "required with --kafka-sasl")
	}
	if c.KafkaSASLPasswordFile == "" {
		wrong("kafka-sasl-password-file", "required with --kafka-sasl")
	} else if _, err := c.password(); err != nil {
		wrong("kafka-sasl-password-file", "%v", err)
	}
}

// Given reports whether any of the flags is given.
func (c ClientConfig) Given() bool { return c != ClientConfig{} }

// Shown says for operators what the brokers are and how they are reached.
func (c ClientConfig) Shown() string {
	kind := "Kafka"
	if c.KafkaTLS {
		kind += ", TLS"
	}
	if c.KafkaSASL != "" {
		kind += ", SASL " + c.KafkaSASL
	}
	return kind
}

// Readable reports whether those between this process and the brokers can read its password
// or token.
func (c ClientConfig) Readable() bool {
	return !c.KafkaTLS && (c.KafkaSASL == kafka.Plain || c.KafkaSASL == kafka.OAuthBearer)
}

// Kafka returns how clients reach the brokers.
func (c ClientConfig) Kafka(brokers []string) kafka.Config {
	to := kafka.Config{Brokers: brokers, TLS: c.tls()}
	if c.KafkaSASL != "" {
		to.SASL = &kafka.SASL{
			Mechanism: c.KafkaSASL, User: c.KafkaSASLUsername, Password: c.password,
			TokenURL: c.KafkaSASLTokenURL, Scopes: strings.Fields(c.KafkaSASLScope),
		}
	}
	return to
}

func (c ClientConfig) tls() func() (*tls.Config, error) {
	if !c.KafkaTLS {
		return nil
	}
	return c.KafkaTLSFiles.Client
}

func (c ClientConfig) password() (string, error) {
	secret, err := stores.ReadSecret(c.KafkaSASLPasswordFile)
	return string(secret), err
}
