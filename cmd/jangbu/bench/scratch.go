package bench

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/synthetic"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// scratch is the log and the rows of one measurement, in a database of their own.
type scratch struct {
	log    events.Log
	rows   readmodel.Store
	runner *runner.Runner
	// bare reads every row of the log and discards it.
	bare    func(ctx context.Context) error
	closers []func(context.Context) error // in the order in which they were opened
}

// newScratch makes a scratch on a PostgreSQL server, or in a temporary directory.
func newScratch(ctx context.Context, server string) (_ *scratch, err error) {
	s := &scratch{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.drop(context.WithoutCancel(ctx)))
		}
	}()
	at, err := newPlace(ctx, server)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, at.drop)
	log, closeLog, err := at.OpenLog(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	s.log = log
	s.closers = append(s.closers, func(context.Context) error { return closeLog() })
	rows, closeRows, err := at.OpenRows(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	s.rows = rows
	s.closers = append(s.closers, func(context.Context) error { return closeRows() })
	if server == "" {
		s.bare = func(ctx context.Context) error { return scanLog(ctx, filepath.Join(at.DataDir, "log.db")) }
	} else {
		s.bare = func(ctx context.Context) error { return copyLog(ctx, at.DatabaseURL) }
	}
	return s, nil
}

// drop closes and removes everything.
func (s *scratch) drop(ctx context.Context) error {
	var all []error
	for _, closer := range slices.Backward(s.closers) {
		all = append(all, closer(ctx))
	}
	s.closers = nil
	return errors.Join(all...)
}

// Both read the columns that a replay reads.
const (
	copyOfLog = `COPY (SELECT ` + eventColumns + ` FROM jangbu_log.events ORDER BY position) TO STDOUT (FORMAT binary)`
	scanOfLog = `SELECT ` + eventColumns + ` FROM events ORDER BY position`
)

func copyLog(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().CopyTo(ctx, io.Discard, copyOfLog)
	return errors.Join(err, conn.Close(ctx))
}

func scanLog(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro"}).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, scanOfLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var position, occurred, recorded, typ, form int64
	var id, digest, campaign, payload sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&position, &occurred, &recorded, &typ, &id, &digest, &campaign, &payload, &form); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fill appends n events, a week's traffic, and returns the number of each campaign's.
func (s *scratch) fill(ctx context.Context, n, campaigns int, tell func(made int)) (map[events.Campaign]int, error) {
	const batch = 20_000
	g, err := synthetic.New(synthetic.Config{
		Seed: 1, Campaigns: campaigns, Start: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), Interval: 7 * 24 * time.Hour / time.Duration(n),
	})
	if err != nil {
		return nil, err
	}
	first := append(g.Campaigns(), g.Distributions()...)
	counts, drafts := make(map[events.Campaign]int), make([]events.Draft, 0, batch)
	for made := range n {
		var record events.Record
		if made < len(first) {
			record = first[made]
		} else {
			record = g.Next()
		}
		typ, _ := events.TypeNamed(record.Topic)
		decoded, err := events.Decode(typ, record, record.Timestamp)
		if err != nil {
			return nil, fmt.Errorf("make events: %w", err)
		}
		if decoded.Event.Type() == events.TypeParticipantRegistered {
			decoded.SetPseudonym(events.Pseudonym(sha256.Sum256([]byte(decoded.Phone.Reveal()))))
		}
		counts[decoded.Event.Subject()]++
		drafts = append(drafts, decoded.Draft)
		if len(drafts) == batch || made == n-1 {
			if _, err := s.log.Append(ctx, drafts); err != nil {
				return nil, fmt.Errorf("make events: %w", err)
			}
			drafts = drafts[:0]
			tell(made + 1)
		}
	}
	return counts, nil
}

// follow starts a runner that folds the log, and returns once it has reached a position.
func (s *scratch) follow(ctx context.Context, to events.Position, logger *slog.Logger) (stop func() error, err error) {
	r, err := runner.New(runner.Config{Log: s.log, Rows: s.rows, Projections: projections.All(), Owner: "bench", Logger: logger})
	if err != nil {
		return nil, err
	}
	s.runner = r
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(running) }()
	stop = func() error { cancel(); return <-ended }
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		at, there := r.Status().Checkpoints, true
		for _, c := range at {
			there = there && c.Position == to
		}
		if there && len(at) > 0 {
			return stop, nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// operate asks for an operation and returns how long the runner took to end it. It waits
// until the runner has cleared up.
func (s *scratch) operate(ctx context.Context, op readmodel.Operation) (took time.Duration, err error) {
	op.Who = "bench"
	took, err = timed(func() error {
		asked, err := s.rows.Ask(ctx, op)
		if err != nil {
			return err
		}
		_, err = runner.Await(ctx, s.rows, asked.ID, nil)
		return err
	})
	if err != nil {
		return took, err
	}
	return took, s.runner.Settle(ctx)
}
