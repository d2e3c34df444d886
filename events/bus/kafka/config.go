package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// Config configures subscribers, publishers and producers.
type Config struct {
	// Brokers are the host:port addresses of at least one broker of the cluster.
	Brokers []string
	// Group begins the name of each topic's consumer group, and Log is the log that handlers
	// write to, which says where they read on. Only subscribers need them.
	Group string
	Log   events.Log
	// Instance names this process in the groups, so that it has the partitions again that it
	// had, where it is back before its session expires. Empty: each subscriber has a name of its
	// own, which it withdraws when it is closed, so that others take over its partitions.
	// Two processes that have one name put each other out.
	Instance string
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
	// answerTimeout is how long a broker may take to answer before its connection is given
	// up: a frozen one, or one behind a network that swallows packets, never says that it is
	// away. A broker answers a member that joins after rebalanceTimeout at the latest.
	answerTimeout = rebalanceTimeout + 2*time.Second
	// commitInterval bounds what is delivered again after a kill.
	commitInterval = time.Second
	// fetchWait is how long a broker delays the response to an empty fetch.
	// Brokers serve the requests of a connection in order, so heartbeats and commits
	// wait that long too.
	fetchWait = 100 * time.Millisecond
	// readTimeout is how long a broker may take to answer before it is taken for dead.
	readTimeout = 5 * time.Second
	// leaveTimeout bounds each step of leaving a group, which matters to other members only.
	leaveTimeout = time.Second
	// stallTolerance is how long a partition with a busy handler may delay the
	// fetches of the other partitions, once, before they leave it out.
	stallTolerance = 50 * time.Millisecond
	// reconnectPause is the least time between two attempts to join the group.
	reconnectPause = 500 * time.Millisecond
	// retryPause is the pause between two attempts of any other kind.
	retryPause = 250 * time.Millisecond
	// beginTimeout bounds what the beginning of a session reads from the log.
	beginTimeout = 15 * time.Second
	// watchInterval is how long a topic that was made anew is not noticed, and how long the
	// end of a transaction that nothing follows.
	watchInterval = 5 * time.Second
	// refreshInterval is how old the partitions of a topic may be that a leader of its group
	// gives to the members.
	refreshInterval = 2 * time.Second
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
	if err := CheckBrokers(c.Brokers); err != nil {
		errs = append(errs, fmt.Errorf("brokers: %w", err))
	}
	if c.SASL != nil {
		errs = append(errs, c.SASL.check())
	}
	if err := CheckInstance(c.Instance); err != nil {
		errs = append(errs, fmt.Errorf("instance: %w", err))
	}
	if c.ClientID == "" {
		c.ClientID = "jangbu"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(errs...)
}

// CheckBrokers reports whether each broker is an address with its port.
func CheckBrokers(brokers []string) error {
	for _, b := range brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return fmt.Errorf("%q is not host:port", b)
		}
	}
	return nil
}

// CheckInstance reports whether brokers take a name of an instance. None is one.
func CheckInstance(name string) error {
	const most = 249
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	if len(name) > most || name == "." || name == ".." || strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) }) {
		return fmt.Errorf("%q is not a name of at most %d letters, digits, dots, underscores and hyphens", name, most)
	}
	return nil
}

// client returns the settings of every connection.
func (c Config) client() (*sarama.Config, error) {
	sc := sarama.NewConfig()
	sc.ClientID = c.ClientID
	// The protocol of Apache Kafka 3.0, which brokers of 4.x still speak.
	sc.Version = sarama.V3_0_0_0
	sc.Net.DialTimeout, sc.Net.ReadTimeout, sc.Net.WriteTimeout = 5*time.Second, answerTimeout, answerTimeout
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

// group returns the consumer group of a topic. It is the topic's own: what the group waits for, a
// member that is frozen or a topic that was deleted, stops no other topic.
func (c Config) group(topic string) string { return c.Group + "." + topic }

// consumer returns the settings of the connections that read partitions.
func (c Config) consumer() (*sarama.Config, error) {
	sc, err := c.client()
	if err != nil {
		return nil, err
	}
	sc.Net.ReadTimeout = readTimeout
	sc.ChannelBufferSize = waitingRecords
	sc.Consumer.Return.Errors = true
	sc.Consumer.Retry.Backoff = retryPause
	sc.Consumer.Fetch.Default = fetchBytes
	sc.Consumer.MaxWaitTime = fetchWait
	sc.Consumer.MaxProcessingTime = stallTolerance
	// Records of transactions that were aborted, or are still open, do not exist (I1).
	sc.Consumer.IsolationLevel = sarama.ReadCommitted
	return sc, nil
}

// member returns the settings of the connections to the group. Sarama fetches the partitions there
// too: the first records of each, which wait until the partition is let go. As these do not count,
// it may begin anywhere.
func (c Config) member() (*sarama.Config, error) {
	sc, err := c.client()
	if err != nil {
		return nil, err
	}
	sc.Net.ReadTimeout = rebalanceTimeout + readTimeout
	sc.Metadata.Full, sc.Metadata.RefreshFrequency = false, refreshInterval
	sc.ChannelBufferSize = 1
	sc.Consumer.Return.Errors = true
	sc.Consumer.Retry.Backoff = retryPause
	sc.Consumer.Fetch.Default, sc.Consumer.Fetch.Max = 1, 1
	sc.Consumer.MaxWaitTime = fetchWait
	sc.Consumer.MaxProcessingTime = stallTolerance
	sc.Consumer.Group.ResetInvalidOffsets = true
	sc.Consumer.Offsets.AutoCommit.Interval = commitInterval
	sc.Consumer.Group.InstanceId = c.Instance
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
