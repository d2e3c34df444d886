package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// MaxBatchBytes is the largest batch of records that the broker accepts: twice
// what a record may have, so that one that is too long still arrives and
// becomes a dead letter.
const MaxBatchBytes = 2 << 20

// ErrInUse says that another process has the data directory.
var ErrInUse = errors.New("data directory is in use by another process")

// Config says what to run.
type Config struct {
	// Listen is the address to listen on, which is also the one that clients
	// are told to connect to, so it names a host. Port 0 takes a free one.
	// Empty: 127.0.0.1:9092.
	Listen string
	// DataDir keeps topics and offsets; it is created where it is missing.
	// Empty: they are kept in memory only.
	DataDir string
	// Partitions is the number of partitions of a topic that is created. 0: 12.
	Partitions int32
	// Topics are created where they are missing. One that is there keeps its
	// partitions.
	Topics []string
	// Logger gets the broker's warnings and errors; the rest of what it says
	// at debug. Nil: nobody does.
	Logger *slog.Logger
}

// Broker is a running broker. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    *os.File
	closing sync.Once
}

// Start runs a broker until Close; ctx bounds the start only. [ErrInUse] where
// another process has the data directory.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b := &Broker{}
	if err := b.start(ctx, cfg); err != nil {
		b.Close()
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	return b, nil
}

func (c Config) withDefaults() (Config, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:9092"
	}
	if c.Partitions == 0 {
		c.Partitions = 12
	}
	if c.Partitions < 0 {
		return c, fmt.Errorf("partitions: %d is not a positive number", c.Partitions)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c, fmt.Errorf("listen address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return c, fmt.Errorf("listen address %q: name the host that clients connect to", c.Listen)
	}
	return c, nil
}

func (b *Broker) start(ctx context.Context, cfg Config) error {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("jangbu"),
		kfake.DefaultNumPartitions(int(cfg.Partitions)),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": strconv.Itoa(MaxBatchBytes)}),
		kfake.WithLogger(leveled{cfg.Logger}),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, network, cfg.Listen)
		}),
	}
	if cfg.DataDir != "" {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return fmt.Errorf("create data directory: %w", err)
		}
		var err error
		if b.lock, err = lockFile(filepath.Join(cfg.DataDir, "lock")); err != nil {
			return fmt.Errorf("lock %s: %w", cfg.DataDir, err)
		}
		opts = append(opts, kfake.DataDir(cfg.DataDir), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return err
	}
	b.cluster = cluster
	b.addr = cluster.ListenAddrs()[0]
	for _, topic := range cfg.Topics {
		if cluster.TopicInfo(topic) != nil {
			continue
		}
		if err := cluster.CreateTopic(topic, cfg.Partitions, nil); err != nil {
			return fmt.Errorf("create topic %q: %w", topic, err)
		}
	}
	return nil
}

// Addr is the host and port that clients connect to.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and lets go of the data directory. Close consumers
// first: one that cannot say goodbye is waited for after the next start, until
// its session has expired.
func (b *Broker) Close() {
	b.closing.Do(func() {
		if b.cluster != nil {
			b.cluster.Close()
		}
		if b.lock != nil {
			_ = b.lock.Close() // gives up the lock; nothing was written to it
		}
	})
}

// leveled turns the broker's log into attributes.
type leveled struct{ log *slog.Logger }

func (l leveled) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
	case kfake.LogLevelWarn:
		to = slog.LevelWarn
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
	}
	ctx := context.Background()
	if l.log.Enabled(ctx, to) {
		l.log.LogAttrs(ctx, to, "embedded broker", slog.String("detail", fmt.Sprintf(format, args...)))
	}
}
