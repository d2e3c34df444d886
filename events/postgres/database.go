package postgres

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits bound how long one process waits. A zero value is the default.
type Limits struct {
	// Silence is how long a session may be silent within a transaction while others
	// wait for it: 10 s.
	Silence time.Duration
	// Deadline is how long a write may take: 30 s.
	Deadline time.Duration
}

// Options configures a [Database]. The zero value is ready for use.
type Options struct {
	Limits Limits
	// Password returns the password of a connection; it is called for each, so that a password
	// can be replaced. Nil: it is the URL's, or that of the URL's passfile.
	Password func() (string, error)
	// Connections is the most at once, [MinConnections] or more; 0 is 10. One of them is only for
	// looking who keeps a write waiting.
	Connections int
	// ReadOnly opens a database that is only read, as a standby is. Otherwise one is refused.
	ReadOnly bool
	// Durable refuses a server that may lose what it has committed, unless it is only read.
	Durable bool
	// MaxSkew refuses a server whose clock is farther from that of this machine; 0 refuses none.
	MaxSkew time.Duration
	// Session holds settings of every session, unless the URL sets them. A pooler's
	// sessions keep their own, so these may change speed and nothing else.
	Session map[string]string
	// Logger logs the silent sessions that are ended; nil disables logging.
	Logger *slog.Logger
	// Tracer traces every statement; nil disables tracing.
	Tracer pgx.QueryTracer
}

// Database is a pool of connections to one database. It is safe for concurrent use.
type Database struct {
	*pgxpool.Pool
	url      string
	password func() (string, error)
	borrowed bool // Close leaves the pool open
	limits   Limits
	session  *pgx.ConnConfig // of the watch
	logger   *slog.Logger
	// watch holds a token while a goroutine watches; watches waits for those that do.
	watch   chan struct{}
	watches sync.WaitGroup
}

// MinConnections is the least that [Options.Connections] may be: one that writes or waits to, one
// that reads meanwhile, and one that looks who keeps a write waiting.
const MinConnections = 3

const (
	defaultConnections = 10
	// maxIdleTime is after how long a connection that is not used is closed, for others to have
	// it; unless the URL sets another.
	maxIdleTime = time.Minute
)

// The end of a connection whose other end is gone: probes begin after 10 s, and what is not
// acknowledged ends it after 25 s.
const (
	keepAliveIdle     = 10 * time.Second
	keepAliveInterval = 5 * time.Second
	keepAliveCount    = 3
	unacknowledged    = keepAliveIdle + keepAliveCount*keepAliveInterval
)

// receiveBuffer is how much is received at once. The server sends 8 KiB at a time, and a reader
// of the log that is behind would ask the system for each of these.
const receiveBuffer = 64 << 10

// Open connects to the database at url, in any form that libpq accepts. The context bounds
// the opening only. The files that the URL names, of certificates and of a password, are read
// for each connection.
func Open(ctx context.Context, url string, opts Options) (*Database, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	session := config.ConnConfig
	session.Tracer = opts.Tracer
	session.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount},
		Control:         endUnacknowledged,
	}).DialContext
	session.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, receiveBuffer), w)
	}
	// Poolers know these two.
	session.RuntimeParams["client_encoding"] = "UTF8"
	setDefault(session.RuntimeParams, "application_name", "jangbu")

	db := &Database{url: url, password: opts.Password, limits: opts.Limits, logger: opts.Logger, watch: make(chan struct{}, 1)}
	if err := db.authenticate(ctx, session); err != nil {
		return nil, err
	}
	config.BeforeConnect = db.authenticate
	server, err := inspect(ctx, session)
	if err == nil {
		err = server.refuse(opts)
	}
	if err != nil {
		return nil, err
	}
	if server.pooled {
		session.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		session.StatementCacheCapacity = 0
	} else {
		for name, value := range opts.Session {
			setDefault(session.RuntimeParams, name, value)
		}
		// The server too notices that a machine is gone.
		setDefault(session.RuntimeParams, "tcp_keepalives_idle", fmt.Sprint(int(keepAliveIdle.Seconds())))
		setDefault(session.RuntimeParams, "tcp_keepalives_interval", fmt.Sprint(int(keepAliveInterval.Seconds())))
		setDefault(session.RuntimeParams, "tcp_keepalives_count", fmt.Sprint(keepAliveCount))
		setDefault(session.RuntimeParams, "tcp_user_timeout", fmt.Sprint(unacknowledged.Milliseconds()))
	}
	most := int32(max(cmp.Or(opts.Connections, defaultConnections), MinConnections) - 1)
	if !strings.Contains(url, "pool_max_conns") || config.MaxConns > most {
		config.MaxConns = most
	}
	if !strings.Contains(url, "pool_max_conn_idle_time") {
		config.MaxConnIdleTime = maxIdleTime
	}
	if db.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	db.session = session.Copy()
	if db.limits.Silence == 0 {
		db.limits.Silence = 10 * time.Second
	}
	if db.limits.Deadline == 0 {
		db.limits.Deadline = 30 * time.Second
	}
	if db.logger == nil {
		db.logger = slog.New(slog.DiscardHandler)
	}
	db.session.Tracer = nil
	db.session.DefaultQueryExecMode = pgx.QueryExecModeExec // its connection lives for some statements
	return db, nil
}

// authenticate reads anew what a connection proves itself and its server by.
func (db *Database) authenticate(_ context.Context, to *pgx.ConnConfig) error {
	read, err := pgx.ParseConfig(db.url)
	if err != nil {
		return err
	}
	to.TLSConfig, to.Fallbacks, to.Password = read.TLSConfig, read.Fallbacks, read.Password
	if db.password != nil {
		to.Password, err = db.password()
	}
	return err
}

func setDefault(params map[string]string, name, value string) {
	if _, set := params[name]; !set {
		params[name] = value
	}
}

// Config returns how to connect to the database, without the pool.
func (db *Database) Config() *pgx.ConnConfig { return db.Pool.Config().ConnConfig }

// Borrowed returns the database for another store, whose Close leaves it open.
func (db *Database) Borrowed() *Database {
	return &Database{
		Pool: db.Pool, borrowed: true,
		url: db.url, password: db.password, limits: db.limits, session: db.session, logger: db.logger, watch: db.watch,
	}
}

// Close waits for running calls and closes the connections.
func (db *Database) Close() {
	if db.borrowed {
		db.watches.Wait()
		return
	}
	db.Pool.Close()
	db.watches.Wait() // each ends with its write
}
