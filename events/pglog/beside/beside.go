// Package beside puts back, for package pglog, what a backup holds of what a log keeps beside its
// events, and of the campaigns' keys. It owns no transaction: pglog's writes call it.
package beside

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

const restoreLetter = `
WITH restored AS (
    INSERT INTO jangbu_log.dead_letters
        (id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at, discarded_at, discarded_by, discarded_why)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (id) DO NOTHING
    RETURNING discarded_at
), counted AS (SELECT count(*) AS letters, count(discarded_at) AS given_up FROM restored)
UPDATE jangbu_log.log_head
SET received      = received + counted.letters,
    dead_lettered = dead_lettered + counted.letters,
    discarded     = discarded + counted.given_up
FROM counted`

const restoreSource = `
INSERT INTO jangbu_log.sources (topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (topic, part) DO NOTHING`

const restoreAccess = `
INSERT INTO jangbu_log.accesses (accessed_at, command, subject, who, why)
SELECT a.* FROM (VALUES ($1::timestamptz, $2::text, $3::text, $4::text, $5::text)) AS a
WHERE NOT EXISTS (
    SELECT FROM jangbu_log.accesses
    WHERE accessed_at = $1 AND command = $2 AND subject = $3 AND who = $4 AND why = $5)`

const restoreRight = `
INSERT INTO jangbu_log.withdrawn_rights (withdrawn_at, subject, subject_key, subject_hash, shop, who, why)
SELECT w.* FROM (VALUES ($1::timestamptz, $2::text, $3::bytea, $4::bytea, $5::text, $6::text, $7::text)) AS w
WHERE NOT EXISTS (
    SELECT FROM jangbu_log.withdrawn_rights
    WHERE withdrawn_at = $1 AND subject = $2 AND subject_hash IS NOT DISTINCT FROM $4 AND shop = $5)`

const restoreKey = `
INSERT INTO jangbu_keys.campaign_keys (campaign, wrapped, added_at, destroyed_at)
VALUES ($1, $2, $3, CASE WHEN $2 = ''::bytea THEN now() END)
ON CONFLICT (campaign) DO NOTHING`

// Restore does what [events.Companions] says of RestoreBeside. The transaction holds the head row.
func Restore(ctx context.Context, tx pgx.Tx, b events.Beside) error {
	batch := new(pgx.Batch)
	for i := range b.Letters {
		d := &b.Letters[i]
		var at *time.Time
		var by, why *string
		if d.Discarded != nil {
			at, by, why = &d.Discarded.At, &d.Discarded.By, &d.Discarded.Why
		}
		batch.Queue(restoreLetter, [16]byte(d.ID), d.Topic, d.Partition, d.Offset, d.Timestamp, string(d.Reason), d.Detail,
			append([]byte{}, d.Sealed...), d.BuriedAt, at, by, why)
	}
	for _, s := range b.Sources {
		var gapAt *time.Time
		if !s.GapAt.IsZero() {
			gapAt = &s.GapAt
		}
		batch.Queue(restoreSource, s.Topic, s.Partition, [16]byte(s.TopicID), s.Next, s.ReadAt, s.Gaps, s.Lost, gapAt)
	}
	for _, a := range b.Accesses {
		batch.Queue(restoreAccess, a.At, a.Command, a.Subject, a.Who, a.Why)
	}
	for _, w := range b.Rights {
		name, key, hash := w.Subject.Kept()
		batch.Queue(restoreRight, w.At, name, key, hash, string(w.Shop), w.Who, w.Why)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("restore what is beside the events: %w", err)
	}
	return nil
}

// RestoreKeys does what [events.Keys] says of Restore.
func RestoreKeys(ctx context.Context, tx pgx.Tx, entries []events.KeyEntry) error {
	batch := new(pgx.Batch)
	for _, e := range entries {
		batch.Queue(restoreKey, string(e.Campaign), append([]byte{}, e.Wrapped...), e.AddedAt)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("restore keys: %w", err)
	}
	return nil
}
