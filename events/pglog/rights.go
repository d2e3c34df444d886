package pglog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

// withdrawRight adds a record that is not before the last one, which the lock of the head keeps
// from being of a transaction that commits later.
const withdrawRight = `
INSERT INTO jangbu_log.withdrawn_rights (withdrawn_at, subject, subject_key, subject_hash, shop, who, why)
SELECT greatest(clock_timestamp(), max(withdrawn_at)), $1, $2, $3, $4, $5, $6
FROM jangbu_log.withdrawn_rights
RETURNING withdrawn_at`

const listWithdrawnRights = `
SELECT withdrawn_at, subject, subject_key, subject_hash, shop, who, why
FROM jangbu_log.withdrawn_rights
WHERE withdrawn_at >= $1
ORDER BY withdrawn_at, id`

const listSubjects = `SELECT id, subject FROM jangbu_log.withdrawn_rights WHERE subject <> '' ORDER BY id`

const hashSubject = `UPDATE jangbu_log.withdrawn_rights SET subject = '', subject_key = $2, subject_hash = $3 WHERE id = $1 AND subject <> ''`

const renameShop = `UPDATE jangbu_log.withdrawn_rights SET shop = $1 WHERE shop = $2`

const rightsTable = "jangbu_log.withdrawn_rights"

// rights implements [events.Rights] in the database of its log.
type rights struct{ *Log }

var _ events.Rights = rights{}

// Rights implements [events.Log].
func (l *Log) Rights() events.Rights { return rights{l} }

// Withdraw implements [events.Rights].
func (l rights) Withdraw(ctx context.Context, w events.WithdrawnRight) (events.WithdrawnRight, error) {
	if err := w.Check(); err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("withdraw a right: %w", err)
	}
	name, key, hash := w.Subject.Kept()
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, withdrawRight, name, key, hash, string(w.Shop), w.Who, w.Why).Scan(&w.At)
		w.At = w.At.UTC()
		return err
	})
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("withdraw a right: %w", err)
	}
	return w, nil
}

// Withdrawn implements [events.Rights].
func (l rights) Withdrawn(ctx context.Context, since time.Time) ([]events.WithdrawnRight, error) {
	rows, err := l.pool.Query(ctx, listWithdrawnRights, since)
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w events.WithdrawnRight, err error) {
		var name string
		var key, hash []byte
		if err := row.Scan(&w.At, &name, &key, &hash, &w.Shop, &w.Who, &w.Why); err != nil {
			return w, err
		}
		w.At = w.At.UTC()
		w.Subject, err = events.KeptSubject(name, key, hash)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	return all, nil
}

// Conceal implements [events.Rights]. The write-ahead log and backups keep the former subjects
// until they expire.
func (l rights) Conceal(ctx context.Context, key events.SubjectKey) (concealed int, err error) {
	plain, err := l.inPlain(ctx)
	if err != nil || len(plain) == 0 {
		return 0, err
	}
	err = l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		batch := new(pgx.Batch)
		for id, name := range plain {
			_, keyID, hash := key.Hashed(name).Kept()
			batch.Queue(hashSubject, id, keyID, hash)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err == nil {
		err = l.pool.Rewrite(ctx, rightsTable)
	}
	if err != nil {
		return 0, fmt.Errorf("conceal the subjects of withdrawn rights: %w", err)
	}
	return len(plain), nil
}

// inPlain returns the names of the subjects that identify persons and are not hashed, by the
// record's ID.
func (l rights) inPlain(ctx context.Context) (map[int64]string, error) {
	rows, err := l.pool.Query(ctx, listSubjects)
	if err != nil {
		return nil, fmt.Errorf("list the subjects of withdrawn rights: %w", err)
	}
	plain := make(map[int64]string)
	var id int64
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		if events.PersonalInID(name) != events.NothingPersonal {
			plain[id] = name
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list the subjects of withdrawn rights: %w", err)
	}
	return plain, nil
}

// RenameShop implements [events.Rights].
func (l rights) RenameShop(ctx context.Context, from, to events.Shop) error {
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, renameShop, string(to), string(from))
		return err
	})
	if err != nil {
		return fmt.Errorf("rename the shop of withdrawn rights: %w", err)
	}
	return nil
}
