package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"jangbu/events"
)

const (
	viewColumns = `
SELECT name, type
FROM pragma_table_info(?1)
ORDER BY cid`

	readView = `
SELECT *
FROM {view}
WHERE ?1 = '' OR {key} IN (SELECT {key} FROM campaigns WHERE storeId = ?1)
ORDER BY 1, 2, 3`
)

// View is the rows of one of the views.
type View struct {
	Columns []ViewColumn
	Rows    [][]any // each value of its column's type, or nil
}

// ViewColumn is a column of a [View].
type ViewColumn struct {
	Name string
	Type reflect.Type // of string, int64, float64 or [time.Time]
}

// View returns the rows of a view, of all shops where shop is empty.
func (s *Store) View(ctx context.Context, name string, shop events.Shop) (v View, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		if err := v.readColumns(ctx, tx, name); err != nil {
			return err
		}
		return v.readRows(ctx, tx, name, shop)
	})
	if err != nil {
		return View{}, fmt.Errorf("read view %s: %w", name, err)
	}
	return v, nil
}

func (v *View) readColumns(ctx context.Context, tx *sql.Tx, name string) (err error) {
	rows, err := tx.QueryContext(ctx, viewColumns, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c ViewColumn
		var stored string
		if err := rows.Scan(&c.Name, &stored); err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(c.Name, "At") || c.Name == "start":
			c.Type = reflect.TypeFor[time.Time]()
		case stored == "REAL":
			c.Type = reflect.TypeFor[float64]()
		case strings.HasPrefix(stored, "INT"):
			c.Type = reflect.TypeFor[int64]()
		default:
			c.Type = reflect.TypeFor[string]()
		}
		v.Columns = append(v.Columns, c)
	}
	return rows.Err()
}

func (v *View) readRows(ctx context.Context, tx *sql.Tx, name string, shop events.Shop) (err error) {
	text := strings.NewReplacer("{view}", name, "{key}", v.Columns[0].Name).Replace(readView)
	rows, err := tx.QueryContext(ctx, text, string(shop))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		values, fields := make([]any, len(v.Columns)), make([]any, len(v.Columns))
		for i := range values {
			fields[i] = &values[i]
		}
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		for i, c := range v.Columns {
			if text, ok := values[i].(string); ok && c.Type == reflect.TypeFor[time.Time]() {
				if values[i], err = time.Parse(time.RFC3339, text); err != nil {
					return err
				}
			}
		}
		v.Rows = append(v.Rows, values)
	}
	return rows.Err()
}
