package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

// withdrawRight adds a record that is not before the last one.
const withdrawRight = `
INSERT INTO withdrawn_rights (withdrawn_at, subject, subject_key, subject_hash, shop, who, why)
SELECT max(?, coalesce(max(withdrawn_at), 0)), ?, ?, ?, ?, ?, ? FROM withdrawn_rights
RETURNING withdrawn_at`

const listWithdrawnRights = `
SELECT withdrawn_at, subject, subject_key, subject_hash, shop, who, why
FROM withdrawn_rights
WHERE withdrawn_at >= ?
ORDER BY withdrawn_at, id`

const listSubjects = `SELECT id, subject FROM withdrawn_rights WHERE subject <> '' ORDER BY id`

const hashSubject = `UPDATE withdrawn_rights SET subject = '', subject_key = ?, subject_hash = ? WHERE id = ? AND subject <> ''`

const renameShop = `UPDATE withdrawn_rights SET shop = ? WHERE shop = ?`

// rights implements [events.Rights] in the file of its log.
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
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, withdrawRight, time.Now().UnixMicro(), name, key, hash, string(w.Shop), w.Who, w.Why).Scan(&at)
		w.At = time.UnixMicro(at).UTC()
		return err
	})
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("withdraw a right: %w", err)
	}
	return w, nil
}

// Withdrawn implements [events.Rights].
func (l rights) Withdrawn(ctx context.Context, since time.Time) ([]events.WithdrawnRight, error) {
	all, err := l.withdrawn(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	return all, nil
}

func (l rights) withdrawn(ctx context.Context, since time.Time) (all []events.WithdrawnRight, err error) {
	rows, err := l.reader.QueryContext(ctx, listWithdrawnRights, since.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var w events.WithdrawnRight
		var at int64
		var name string
		var key, hash []byte
		if err := rows.Scan(&at, &name, &key, &hash, &w.Shop, &w.Who, &w.Why); err != nil {
			return nil, err
		}
		if w.Subject, err = events.KeptSubject(name, key, hash); err != nil {
			return nil, err
		}
		w.At = time.UnixMicro(at).UTC()
		all = append(all, w)
	}
	return all, rows.Err()
}

// Conceal implements [events.Rights].
func (l rights) Conceal(ctx context.Context, key events.SubjectKey) (concealed int, err error) {
	plain, err := l.inPlain(ctx)
	if err == nil && len(plain) > 0 {
		err = write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
			for id, name := range plain {
				_, keyID, hash := key.Hashed(name).Kept()
				if _, err := tx.ExecContext(ctx, hashSubject, keyID, hash, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = l.Erasures().Scrub(ctx, nil)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("conceal the subjects of withdrawn rights: %w", err)
	}
	return len(plain), nil
}

// inPlain returns the names of the subjects that identify persons and are not hashed, by the
// record's ID.
func (l rights) inPlain(ctx context.Context) (plain map[int64]string, err error) {
	rows, err := l.reader.QueryContext(ctx, listSubjects)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	plain = make(map[int64]string)
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		if events.PersonalInID(name) != events.NothingPersonal {
			plain[id] = name
		}
	}
	return plain, rows.Err()
}

// RenameShop implements [events.Rights].
func (l rights) RenameShop(ctx context.Context, from, to events.Shop) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, renameShop, string(to), string(from))
		return err
	})
	if err != nil {
		return fmt.Errorf("rename the shop of withdrawn rights: %w", err)
	}
	return nil
}
