package bench

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"jangbu/cmd/jangbu/service"
	"jangbu/events"
	"jangbu/readmodel"
)

// obviousMessages bounds how many messages the obvious design handles, which takes a
// transaction for each.
const obviousMessages = 5_000

// profileByValue is the table that the obvious design has in the place of the profiles: one that
// SQL can add to.
const profileByValue = `
CREATE TABLE IF NOT EXISTS profile_by_value (
    campaign     text,
    dimension    text,
    value        text,
    participants bigint NOT NULL,
    PRIMARY KEY (campaign, dimension, value)
)`

// obviousStatements are what the obvious design does with a registration: it inserts the event
// and counts it in each row that it concerns. SQLite's parameters are ?1, PostgreSQL's $1. Its
// events are in one table: on PostgreSQL that of a segment, which all of them fit in.
func obviousStatements(events string) []string {
	return []string{
		`INSERT INTO ` + events + ` (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (campaign, id) DO NOTHING`,
		`INSERT INTO event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position, updated_at)
VALUES (1, ?1, FALSE, '', '', '', 1, ?2, ?3, ?4)
ON CONFLICT (generation, campaign) DO UPDATE
SET participants = event_stats.participants + 1, new_customers = event_stats.new_customers + excluded.new_customers,
    position = excluded.position, updated_at = excluded.updated_at`,
		`INSERT INTO channel_stats (generation, campaign, channel, participants) VALUES (1, ?1, ?2, 1)
ON CONFLICT (generation, campaign, channel) DO UPDATE SET participants = channel_stats.participants + 1`,
		`INSERT INTO participation_hourly (generation, campaign, hour, participants) VALUES (1, ?1, ?2, 1)
ON CONFLICT (generation, campaign, hour) DO UPDATE SET participants = participation_hourly.participants + 1`,
		`INSERT INTO profile_by_value (campaign, dimension, value, participants)
VALUES (?1, 'gender', ?2, 1), (?1, 'ageGroup', ?3, 1), (?1, 'region', ?4, 1), (?1, 'customer', ?5, 1)
ON CONFLICT (campaign, dimension, value) DO UPDATE SET participants = profile_by_value.participants + 1`,
	}
}

// arguments returns those of the statements, in their order. moment makes of a time what the database keeps.
func arguments(position int64, d *events.Draft, now time.Time, moment func(time.Time) any) [][]any {
	e := d.Event.(*events.ParticipantRegistered) // the topic has no other
	campaign, newCustomers, customer := string(e.Campaign), int64(0), readmodel.UnknownValue
	switch {
	case e.NewCustomer == nil:
	case *e.NewCustomer:
		newCustomers, customer = 1, readmodel.NewCustomer
	default:
		customer = readmodel.ReturningCustomer
	}
	return [][]any{
		{
			position, moment(d.OccurredAt), moment(now), int64(e.Type()), d.ID[:], d.Digest[:], campaign,
			string(events.AppendStored(nil, e)), int64(events.CurrentForm),
		},
		{campaign, newCustomers, position, moment(now)},
		{campaign, events.ChannelNamed(e.Channel)},
		{campaign, moment(d.OccurredAt.Truncate(time.Hour))},
		{campaign, events.GenderNamed(e.Gender), events.AgeGroupNamed(e.AgeGroup), events.RegionNamed(e.Region), customer},
	}
}

// obvious handles the first registrations one by one, each in a transaction of its own:
// in memory, on as many connections as a topic has partitions, and those of one campaign in order.
func (b *ingestBench) obvious(ctx context.Context) (s spent, err error) {
	messages, err := b.topics.first(min(obviousMessages, b.Events))
	if err != nil {
		return s, err
	}
	err = b.withEmpty(ctx, func(at place) error {
		handle, closeDatabase, err := openObvious(ctx, at)
		if err != nil {
			return err
		}
		start := b.meter.read()
		err = handleEach(ctx, messages, handle)
		s = b.meter.since(start, len(messages))
		return errors.Join(err, closeDatabase())
	})
	return s, err
}

// handleEach decodes each message and handles it.
func handleEach(ctx context.Context, messages []events.Record, handle func(context.Context, int64, *events.Draft) error) error {
	seed := maphash.MakeSeed()
	partitions := make([][]events.Record, service.Partitions)
	for _, m := range messages {
		i := maphash.Bytes(seed, m.Key) % service.Partitions
		partitions[i] = append(partitions[i], m)
	}
	var position atomic.Int64
	all, ctx := errgroup.WithContext(ctx)
	for _, partition := range partitions {
		all.Go(func() error {
			for _, m := range partition {
				decoded, err := events.Decode(events.TypeParticipantRegistered, m, m.Timestamp)
				if err != nil {
					return fmt.Errorf("handle message: %w", err)
				}
				decoded.SetPseudonym(events.Pseudonym(sha256.Sum256([]byte(decoded.Phone.Reveal()))))
				if err := handle(ctx, position.Add(1), &decoded.Draft); err != nil {
					return fmt.Errorf("handle message: %w", err)
				}
			}
			return nil
		})
	}
	return all.Wait()
}

// openObvious returns what handles a message in the empty database.
func openObvious(ctx context.Context, at place) (handle func(context.Context, int64, *events.Draft) error, closeDatabase func() error, err error) {
	if at.DatabaseURL == "" {
		return openObviousSQLite(ctx, at.LogPlace().Path)
	}
	cfg, err := pgxpool.ParseConfig(at.DatabaseURL)
	if err != nil {
		return nil, nil, err
	}
	cfg.MaxConns = service.Partitions
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, durably+"; "+withLogSchema)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	if _, err := pool.Exec(ctx, profileByValue); err != nil {
		pool.Close()
		return nil, nil, err
	}
	statements := obviousStatements("events_1000000")
	for i := range statements {
		statements[i] = strings.ReplaceAll(statements[i], "?", "$")
	}
	moment := func(t time.Time) any { return t }
	handle = func(ctx context.Context, position int64, d *events.Draft) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			for i, args := range arguments(position, d, time.Now(), moment) {
				if _, err := tx.Exec(ctx, statements[i], args...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return handle, func() error { pool.Close(); return nil }, nil
}

func openObviousSQLite(ctx context.Context, path string) (handle func(context.Context, int64, *events.Draft) error, closeDatabase func() error, err error) {
	db, err := openSQLite(path, likeTheLogDoes)
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.ExecContext(ctx, plainEvents+";"+profileByValue); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	var prepared []*sql.Stmt
	for _, text := range obviousStatements("plain_events") {
		statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // closed with its database
		if err != nil {
			return nil, nil, errors.Join(err, db.Close())
		}
		prepared = append(prepared, statement)
	}
	moment := func(t time.Time) any { return t.UnixMicro() }
	handle = func(ctx context.Context, position int64, d *events.Draft) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		unwatched := context.WithoutCancel(ctx)
		for i, args := range arguments(position, d, time.Now(), moment) {
			if _, err := tx.StmtContext(unwatched, prepared[i]).ExecContext(unwatched, args...); err != nil { //nolint:sqlclosecheck // closed with the transaction
				return errors.Join(err, tx.Rollback())
			}
		}
		return tx.Commit()
	}
	return handle, db.Close, nil
}
