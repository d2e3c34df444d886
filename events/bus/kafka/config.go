package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/IBM/sarama"
)

// Config says which brokers to use, and how.
type Config struct {
	// Brokers are host:port addresses to find the cluster by; at least one.
	Brokers []string
	// Group is the consumer group; needed by subscribers only.
	Group string
	// ClientID names this process in the brokers' logs. Empty: "jangbu".
	ClientID string
	// Logger gets errors as long as they are new, and gaps. Nil: nobody does.
	Logger *slog.Logger
	// OnGap is called for each gap, from the goroutine that reads the
	// partition. Nil: gaps are only logged.
	OnGap func(Gap)
}

// Times of a subscriber.
const (
	// session is how long the partitions of a killed process wait for another:
	// the least that brokers allow by default. A shorter one would also expire
	// under a process that merely gets little of its machine's time, again and
	// again.
	session = 6 * time.Second
	// heartbeat is how often a member is heard of, and so how soon it notices a
	// rebalance.
	heartbeat = session / 12
	// rebalanceTimeout is how long a rebalance waits for a member; handlers
	// are never waited for.
	rebalanceTimeout = 6 * time.Second
	// commitInterval bounds what comes again after a kill.
	commitInterval = time.Second
	// fetchWait is how long a broker holds an empty fetch. Brokers answer one
	// request of a connection after the other, so heartbeats and commits wait
	// that long too.
	fetchWait = 100 * time.Millisecond
	// stallTolerance is how long a partition whose handler is busy may keep
	// the other partitions from being fetched, once, until it is left out.
	stallTolerance = 250 * time.Millisecond
	// reconnectPause is the least time between two attempts to join the group.
	reconnectPause = 500 * time.Millisecond
	// retryPause is the pause between attempts of everything else.
	retryPause = 250 * time.Millisecond
)

// fetchBytes is what a fetch asks for per partition. A longer batch is fetched
// whole, however long it is: nothing is skipped for its size.
const fetchBytes = 1 << 20

// withDefaults returns c with what was left out, or one error for each field
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
	if c.ClientID == "" {
		c.ClientID = "jangbu"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(errs...)
}

// client returns what every connection has in common.
func (c Config) client() *sarama.Config {
	sc := sarama.NewConfig()
	sc.ClientID = c.ClientID
	// The protocol of Apache Kafka 3.0, which brokers of 4.x still speak.
	sc.Version = sarama.V3_0_0_0
	sc.Net.DialTimeout = 5 * time.Second
	sc.Metadata.Retry.Backoff = retryPause
	sc.Metadata.RefreshFrequency = time.Minute // finds added partitions
	// Topics are created by request, with the partitions they should have.
	sc.Metadata.AllowAutoTopicCreation = false
	return sc
}

func (c Config) consumer() *sarama.Config {
	sc := c.client()
	sc.ChannelBufferSize = maxFrameRecords
	sc.Consumer.Return.Errors = true
	sc.Consumer.Retry.Backoff = retryPause
	sc.Consumer.Fetch.Default = fetchBytes
	sc.Consumer.MaxWaitTime = fetchWait
	sc.Consumer.MaxProcessingTime = stallTolerance
	sc.Consumer.Offsets.Initial = sarama.OffsetOldest
	sc.Consumer.Offsets.AutoCommit.Interval = commitInterval
	sc.Consumer.Group.Session.Timeout = session
	sc.Consumer.Group.Heartbeat.Interval = heartbeat
	sc.Consumer.Group.Rebalance.Timeout = rebalanceTimeout
	sc.Consumer.Group.Rebalance.Retry.Backoff = retryPause
	return sc
}

func (c Config) producer() *sarama.Config {
	sc := c.client()
	sc.Producer.RequiredAcks = sarama.WaitForAll
	sc.Producer.Return.Successes = true
	sc.Producer.Return.Errors = true
	// Keys go where Java clients would put them.
	sc.Producer.Partitioner = sarama.NewMurmur2Partitioner
	sc.Producer.Retry.Max = 10
	sc.Producer.Retry.Backoff = retryPause
	// One request at a time keeps a partition's order when one is repeated. A
	// repeated request may write its records twice, which is no harm (I4).
	sc.Net.MaxOpenRequests = 1
	return sc
}
