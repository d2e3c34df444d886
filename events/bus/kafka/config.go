package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// Config configures subscribers, publishers and producers.
type Config struct {
	// Brokers are the host:port addresses of at least one broker of the cluster.
	Brokers []string
	// Group is the consumer group, and Log the log that its handlers write to, which says
	// where it reads on. Only subscribers need them.
	Group string
	Log   events.Log
	// TLS returns the settings of a connection's encryption. It is called for each, so that
	// certificates can be replaced while clients run. Nil: connections are not encrypted.
	TLS func() (*tls.Config, error)
	// SASL is how clients authenticate. Nil: they do not, unless by a certificate.
	SASL *SASL
	// ClientID names this process in the brokers' logs. Empty: "jangbu".
	ClientID string
	// Logger logs gaps, and each kind of error once a minute. Nil disables logging.
	Logger *slog.Logger
}

// Times of a subscriber.
const (
	// sessionTimeout is how long the partitions of a killed process wait for another. It
	// is the shortest that brokers allow by default; a shorter one would also expire
	// under a process that is starved of CPU.
	sessionTimeout = 6 * time.Second
	// heartbeat is the interval at which a member reports, and so the time after
	// which it notices a rebalance.
	heartbeat = sessionTimeout / 12
	// rebalanceTimeout is how long a rebalance waits for a member. It never waits
	// for a handler.
	rebalanceTimeout = 6 * time.Second
	// commitInterval bounds what is delivered again after a kill.
	commitInterval = time.Second
	// fetchWait is how long a broker delays the response to an empty fetch.
	// Brokers serve the requests of a connection in order, so heartbeats and commits
	// wait that long too.
	fetchWait = 100 * time.Millisecond
	// stallTolerance is how long a partition with a busy handler may delay the
	// fetches of the other partitions, once, before they leave it out.
	stallTolerance = 50 * time.Millisecond
	// reconnectPause is the least time between two attempts to join the group.
	reconnectPause = 500 * time.Millisecond
	// retryPause is the pause between two attempts of any other kind.
	retryPause = 250 * time.Millisecond
	// beginTimeout bounds what the beginning of a session reads from the log.
	beginTimeout = 15 * time.Second
	// watchInterval is how long a topic that was made anew, or that has new partitions,
	// is not noticed, and how long the end of a transaction that nothing follows.
	watchInterval = 5 * time.Second
	// nackPause and nackPauseMax bound the time before a frame that was not acknowledged
	// is delivered again. It grows from the first to the second.
	nackPause, nackPauseMax = 100 * time.Millisecond, 5 * time.Second
)

// waitingRecords is how many records of a partition wait beside the frames.
const waitingRecords = 1000

// fetchBytes is what a fetch asks for per partition. A longer batch is fetched whole, of
// whatever length.
const fetchBytes = 1 << 20

// withDefaults returns c with defaults for its empty fields, or one error for each field
// that is wrong.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: none given"))
	}
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("brokers: %q is not host:port", b))
		}
	}
	if c.SASL != nil {
		errs = append(errs, c.SASL.check())
	}
	if c.ClientID == "" {
		c.ClientID = "jangbu"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(errs...)
}

// client returns the settings of every connection.
func (c Config) client() (*sarama.Config, error) {
	sc := sarama.NewConfig()
	sc.ClientID = c.ClientID
	// The protocol of Apache Kafka 3.0, which brokers of 4.x still speak.
	sc.Version = sarama.V3_0_0_0
	sc.Net.DialTimeout = 5 * time.Second
	sc.Metadata.Retry.Backoff = retryPause
	// EnsureTopics creates topics, with the right number of partitions.
	sc.Metadata.AllowAutoTopicCreation = false
	if c.TLS != nil {
		sc.Net.Proxy.Enable, sc.Net.Proxy.Dialer = true, dialer{of: sc, config: c.TLS}
	}
	if c.SASL != nil {
		return sc, c.SASL.configure(sc)
	}
	return sc, nil
}

func (c Config) consumer() (*sarama.Config, error) {
	sc, err := c.client()
	if err != nil {
		return nil, err
	}
	sc.ChannelBufferSize = waitingRecords
	sc.Consumer.Return.Errors = true
	sc.Consumer.Retry.Backoff = retryPause
	sc.Consumer.Fetch.Default = fetchBytes
	sc.Consumer.MaxWaitTime = fetchWait
	sc.Consumer.MaxProcessingTime = stallTolerance
	// Where a partition is read from is Setup's to say. An offset that the brokers do not
	// have ends the session, and the next one finds the gap.
	sc.Consumer.Group.ResetInvalidOffsets = false
	// Records of transactions that were aborted, or are still open, do not exist (I1).
	sc.Consumer.IsolationLevel = sarama.ReadCommitted
	sc.Consumer.Offsets.AutoCommit.Interval = commitInterval
	sc.Consumer.Group.Session.Timeout = sessionTimeout
	sc.Consumer.Group.Heartbeat.Interval = heartbeat
	sc.Consumer.Group.Rebalance.Timeout = rebalanceTimeout
	sc.Consumer.Group.Rebalance.Retry.Backoff = retryPause
	return sc, nil
}

func (c Config) producer() (*sarama.Config, error) {
	sc, err := c.client()
	if err != nil {
		return nil, err
	}
	sc.Producer.RequiredAcks = sarama.WaitForAll
	sc.Producer.Return.Successes = true
	sc.Producer.Return.Errors = true
	// Java clients place keys the same way.
	sc.Producer.Partitioner = sarama.NewMurmur2Partitioner
	sc.Producer.Retry.Max = 10
	sc.Producer.Retry.Backoff = retryPause
	// One request at a time keeps a partition's order when a request is repeated. A
	// repeated request may write its records twice, which is harmless (I4).
	sc.Net.MaxOpenRequests = 1
	return sc, nil
}
