package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrBehind is of a schema that is only read, and that a process which writes has not made yet, or
// not brought up to date.
var ErrBehind = errors.New("no process that writes has made the schema, or brought it up to date, yet")

// ErrMissing is the ErrBehind of a schema that is not there at all.
var ErrMissing = fmt.Errorf("%w: there is none", ErrBehind)

// describeServer looks at the session that a connection reaches.
const describeServer = `
SELECT pg_backend_pid(), current_setting('server_encoding'), pg_is_in_recovery(),
    current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), clock_timestamp()`

// server is what a server says of itself.
type server struct {
	pooled                              bool // a pooler is between
	encoding                            string
	standby                             bool
	fsync, fullPages, synchronousCommit string
	skew                                time.Duration // at least, of its clock from ours
}

// inspect asks a server. A pooler gives a client a number of its own in the place of the
// session's.
func inspect(ctx context.Context, session *pgx.ConnConfig) (s server, err error) {
	session = session.Copy()
	session.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, session)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var pid uint32
	var now time.Time
	asked := time.Now()
	err = conn.QueryRow(ctx, describeServer).Scan(&pid, &s.encoding, &s.standby, &s.fsync, &s.fullPages, &s.synchronousCommit, &now)
	if err != nil {
		return s, fmt.Errorf("inspect database: %w", err)
	}
	s.pooled = pid != conn.PgConn().PID()
	switch answered := time.Now(); {
	case now.Before(asked):
		s.skew = asked.Sub(now)
	case now.After(answered):
		s.skew = now.Sub(answered)
	}
	return s, nil
}

// refuse returns why a server cannot be used: it does not hold every text, takes no writes, may
// lose what it has committed, or has another time.
func (s server) refuse(opts Options) error {
	if s.encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s; expected UTF8: create it with ENCODING 'UTF8'", s.encoding)
	}
	if s.standby && !opts.ReadOnly {
		return errors.New("the database is a standby, which takes no writes: name its primary; only serve --role api can read a standby")
	}
	if opts.MaxSkew > 0 && s.skew > opts.MaxSkew {
		return fmt.Errorf("the clocks of the database and of this machine are %v apart, more than %v: set both by NTP", s.skew.Round(time.Millisecond), opts.MaxSkew)
	}
	if !opts.Durable || opts.ReadOnly {
		return nil
	}
	for _, setting := range []struct{ name, value string }{
		{"fsync", s.fsync}, {"full_page_writes", s.fullPages}, {"synchronous_commit", s.synchronousCommit},
	} {
		if setting.value == "off" {
			return fmt.Errorf("%s is off in the database, so that a crash may lose what was committed: turn it on, or give --insecure-database", setting.name)
		}
	}
	return nil
}
