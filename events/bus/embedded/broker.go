package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// MaxBatchBytes is the longest batch of records that the broker accepts: twice the limit
// of a record, so that a record over the limit still arrives and becomes a dead letter.
const MaxBatchBytes = 2 << 20

// User is the name of the only user of a broker with a password.
const User = "jangbu"

// MinPassword is the shortest password, in bytes. All are visible characters of ASCII, which
// every client sends as they are.
const MinPassword = 16

// CheckPassword returns what is wrong with a password.
func CheckPassword(password string) error {
	if len(password) < MinPassword {
		return fmt.Errorf("the password has %d bytes, expected %d or more", len(password), MinPassword)
	}
	if strings.ContainsFunc(password, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the password has characters other than the visible ones of ASCII")
	}
	return nil
}

// ErrInUse is the error of starting a broker on the data directory of another process.
var ErrInUse = errors.New("data directory is in use by another process")

// Config configures a [Broker].
type Config struct {
	// Listen is the address to listen on. Clients connect to the same address, so it
	// must name a host. Port 0 takes a free port. Empty means 127.0.0.1:9092.
	Listen string
	// DataDir keeps topics and offsets. It is created if it is missing. Empty keeps
	// them in memory only.
	DataDir string
	// Partitions is the number of partitions of a topic that is created. 0 means 12.
	Partitions int32
	// Topics are created if they are missing. An existing topic keeps its partitions.
	Topics []string
	// Password lets in [User] alone, by SCRAM-SHA-256 or SCRAM-SHA-512. Empty lets in every
	// client.
	Password string
	// Logger logs the broker's warnings and errors at their level, and its other
	// messages at debug. Nil disables logging.
	Logger *slog.Logger
}

// Broker is a running broker. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	dataDir string
	logger  *slog.Logger
	lock    *os.File
	closing sync.Once
}

// Start runs a broker until [Broker.Close]; ctx bounds the start only. It returns
// [ErrInUse] where another process has the data directory.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	b := &Broker{dataDir: cfg.DataDir, logger: cfg.Logger}
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
	if c.Password != "" {
		if err := CheckPassword(c.Password); err != nil {
			return c, err
		}
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
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes": strconv.Itoa(MaxBatchBytes), "log.segment.bytes": strconv.Itoa(segmentBytes),
		}),
		kfake.WithLogger(leveled{cfg.Logger}),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, network, cfg.Listen)
		}),
	}
	if cfg.Password != "" {
		// Not PLAIN, by which this one lets in any other user who sends no password.
		opts = append(opts, kfake.EnableSASL(),
			kfake.Superuser("SCRAM-SHA-256", User, cfg.Password), kfake.Superuser("SCRAM-SHA-512", User, cfg.Password))
	}
	if cfg.DataDir != "" {
		if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
			return fmt.Errorf("create data directory: %w", err)
		}
		var err error
		if b.lock, err = lockFile(filepath.Join(cfg.DataDir, "lock")); err != nil {
			return fmt.Errorf("lock %s: %w", cfg.DataDir, err)
		}
		// Who may connect is this start's to say, and no client's of an earlier one.
		if err := os.Remove(filepath.Join(cfg.DataDir, "sasl.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget users: %w", err)
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

// Addr returns the host and port that clients connect to.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and unlocks the data directory. Consumers must be closed first:
// the session of one that could not leave its group delays others after the next start.
func (b *Broker) Close() {
	b.closing.Do(func() {
		if b.cluster != nil {
			b.cluster.Close()
		}
		if b.lock != nil {
			_ = b.lock.Close() // unlocks; nothing was written to it
		}
	})
}

// leveled adapts a slog.Logger to the broker.
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
