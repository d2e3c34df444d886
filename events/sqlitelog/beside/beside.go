// Package beside puts back, for package sqlitelog, what a backup holds of what a log keeps beside
// its events, and of the campaigns' keys. It owns no transaction: sqlitelog's writes call it.
package beside

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jangbu/events"
)

const restoreLetter = `
INSERT INTO dead_letters
    (id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at, discarded_at, discarded_by, discarded_why)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING`

// countLetters counts ?1 letters, ?2 of them discarded.
const countLetters = `
UPDATE log_head
SET received      = received + ?1,
    dead_lettered = dead_lettered + ?1,
    discarded     = discarded + ?2`

const restoreSource = `
INSERT INTO sources (topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (topic, part) DO NOTHING`

const restoreAccess = `
INSERT INTO accesses (accessed_at, command, subject, who, why)
SELECT ?1, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (
    SELECT 1 FROM accesses
    WHERE accessed_at = ?1 AND command = ?2 AND subject = ?3 AND who = ?4 AND why = ?5)`

const restoreRight = `
INSERT INTO withdrawn_rights (withdrawn_at, subject, subject_key, subject_hash, shop, who, why)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
WHERE NOT EXISTS (
    SELECT 1 FROM withdrawn_rights
    WHERE withdrawn_at = ?1 AND subject = ?2 AND subject_hash IS ?4 AND shop = ?5)`

const restoreKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at, destroyed_at)
VALUES (?1, ?2, ?3, iif(?2 = x'', ?4, NULL))
ON CONFLICT (campaign) DO NOTHING`

// Restore does what [events.Companions] says of RestoreBeside.
func Restore(ctx context.Context, tx *sql.Tx, b events.Beside) error {
	if err := restoreLetters(ctx, tx, b.Letters); err != nil {
		return fmt.Errorf("restore dead letters: %w", err)
	}
	for _, s := range b.Sources {
		if _, err := tx.ExecContext(ctx, restoreSource, s.Topic, s.Partition, s.TopicID[:], s.Next, s.ReadAt.UnixMicro(), s.Gaps, s.Lost, micros(s.GapAt)); err != nil {
			return fmt.Errorf("restore sources: %w", err)
		}
	}
	for _, a := range b.Accesses {
		if _, err := tx.ExecContext(ctx, restoreAccess, a.At.UnixMicro(), a.Command, a.Subject, a.Who, a.Why); err != nil {
			return fmt.Errorf("restore accesses: %w", err)
		}
	}
	for _, w := range b.Rights {
		name, key, hash := w.Subject.Kept()
		if _, err := tx.ExecContext(ctx, restoreRight, w.At.UnixMicro(), name, key, hash, string(w.Shop), w.Who, w.Why); err != nil {
			return fmt.Errorf("restore withdrawn rights: %w", err)
		}
	}
	return nil
}

func restoreLetters(ctx context.Context, tx *sql.Tx, letters []events.DeadLetter) error {
	added, discarded := int64(0), int64(0)
	for i := range letters {
		d := &letters[i]
		var at, by, why any
		if d.Discarded != nil {
			at, by, why = d.Discarded.At.UnixMicro(), d.Discarded.By, d.Discarded.Why
		}
		done, err := tx.ExecContext(ctx, restoreLetter, d.ID[:], d.Topic, d.Partition, d.Offset, d.Timestamp.UnixMicro(), string(d.Reason), d.Detail,
			append([]byte{}, d.Sealed...), d.BuriedAt.UnixMicro(), at, by, why)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if added += n; d.Discarded != nil {
			discarded += n
		}
	}
	_, err := tx.ExecContext(ctx, countLetters, added, discarded)
	return err
}

// micros returns a time as it is stored; null for none.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// RestoreKeys does what [events.Keys] says of Restore.
func RestoreKeys(ctx context.Context, tx *sql.Tx, entries []events.KeyEntry) error {
	now := time.Now().UnixMicro()
	for _, e := range entries {
		if _, err := tx.ExecContext(ctx, restoreKey, string(e.Campaign), append([]byte{}, e.Wrapped...), e.AddedAt.UnixMicro(), now); err != nil {
			return fmt.Errorf("restore keys: %w", err)
		}
	}
	return nil
}
