package sqliterows

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// The statements over any table of rows; newTable puts in its name and columns.
const (
	readCampaign = `
SELECT {columns}
FROM {table}
WHERE generation = (SELECT active_generation FROM projections WHERE projection = '{table}')
  AND campaign = ?1
ORDER BY {key}`

	// readCampaignRows reads a range from, or after, a campaign, which takes less than looking up each of
	// its campaigns.
	readCampaignRows = `
SELECT {columns}
FROM {table}
WHERE generation = (SELECT active_generation FROM projections WHERE projection = '{table}')
  AND campaign {from} ?1 AND campaign <= ?2
ORDER BY {key}`

	// loadKeys takes the keys as one array in JSON, each key an array.
	loadKeys = `
SELECT {columns}
FROM (SELECT value AS wanted FROM json_each(?2))
CROSS JOIN {table}
WHERE generation = ?1 AND {key is wanted}`

	loadCampaign = `
SELECT {columns}
FROM {table}
WHERE generation = ?1 AND campaign = ?2`

	// upsertRows takes the values of each row, its generation first. Parameters without a number
	// have no name, which the driver would look for.
	upsertRows = `
INSERT INTO {table} (generation, {columns})
VALUES {rows}
ON CONFLICT (generation, {key}) DO UPDATE
SET {updated}`

	clearCampaign = `
DELETE FROM {table}
WHERE generation = ?1 AND campaign = ?2`

	// pruneSome deletes the first rows of a generation: as many as ?2 says and one more, or none
	// where there are fewer. A list of their keys would be looked up row by row.
	pruneSome = `
DELETE FROM {table}
WHERE generation = ?1 AND ({key}) <= (SELECT {key} FROM {table} WHERE generation = ?1 ORDER BY {key} LIMIT 1 OFFSET ?2)`

	pruneRest = `
DELETE FROM {table}
WHERE generation = ?1`

	campaignsAfter = `
SELECT campaign FROM {table}
WHERE generation = (SELECT active_generation FROM projections WHERE projection = '{table}')
  AND campaign > ?1`
)

// manyRows is how many rows a statement writes where there are as many.
const manyRows = 16

// table is a described table with the statements over it.
type table struct {
	*readmodel.Table
	// statement replaces {table}, {columns} and the like in a statement.
	statement func(string) string
	read      string
	readFrom  string
	readAfter string
	loadAll   string
	load      string
	// upsert writes one row, upsertMany writes manyRows: half of the time of a row is that of its
	// statement.
	upsert, upsertMany string

	clear     string
	prune     string
	pruneRest string
	campaigns string
	// description is that of the snapshots that are read.
	description uint32
}

func newTable(t *readmodel.Table) *table {
	columns, key := readmodel.Names(t.Columns), readmodel.Names(t.Key)
	updated, wanted := slices.Clone(columns[len(key):]), make([]string, len(key))
	for i, name := range key {
		wanted[i] = fmt.Sprintf("%s = wanted ->> %d", name, i)
	}
	for i, name := range updated {
		updated[i] = name + " = excluded." + name
	}
	fill := strings.NewReplacer(
		"{table}", t.Name, "{columns}", strings.Join(columns, ", "), "{key}", strings.Join(key, ", "),
		"{key is wanted}", strings.Join(wanted, " AND "),
		"{updated}", strings.Join(updated, ", "),
	).Replace
	row := "(?" + strings.Repeat(", ?", len(columns)) + ")"
	many := row + strings.Repeat(", "+row, manyRows-1)
	return &table{
		Table: t, statement: fill,
		read: fill(readCampaign), readFrom: fill(strings.ReplaceAll(readCampaignRows, "{from}", ">=")), readAfter: fill(strings.ReplaceAll(readCampaignRows, "{from}", ">")), loadAll: fill(loadCampaign), load: fill(loadKeys),
		upsert: strings.ReplaceAll(fill(upsertRows), "{rows}", row), upsertMany: strings.ReplaceAll(fill(upsertRows), "{rows}", many),
		clear: fill(clearCampaign), prune: fill(pruneSome), pruneRest: fill(pruneRest), campaigns: fill(campaignsAfter),
		description: readmodel.NewCodec(t).Description(),
	}
}

// loadRows reads the rows with the keys of one generation.
func (t *table) loadRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, keys []any, into *readmodel.Rows) error {
	wanted, values := make([][]any, len(keys)), make([]any, 0, len(keys)*len(t.Key))
	for i, key := range keys {
		from := len(values)
		values = appendValues(values, t.Key, key)
		wanted[i] = values[from:]
	}
	array, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	prepared, err := tx.PrepareContext(ctx, t.load)
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }()
	scan := t.scanner()
	return forEach(ctx, prepared, func(rows *sql.Rows) error {
		row := t.NewRow()
		if err := scan(rows, row); err != nil {
			return err
		}
		into.Put(t.Table, row)
		return nil
	}, int64(g), string(array))
}

// upsertRows replaces rows of one generation, in the order of the table's key.
func (t *table) upsertRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, rows []any) error {
	several := len(rows) - len(rows)%manyRows
	if err := t.upsertBy(ctx, tx, t.upsertMany, manyRows, g, rows[:several]); err != nil {
		return err
	}
	return t.upsertBy(ctx, tx, t.upsert, 1, g, rows[several:])
}

// upsertBy replaces rows by a statement that writes n at once.
func (t *table) upsertBy(ctx context.Context, tx *sql.Tx, statement string, n int, g readmodel.Generation, rows []any) error {
	if len(rows) == 0 {
		return nil
	}
	prepared, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }()
	// The driver starts a goroutine for every statement that can be cancelled. It is
	// enough that the transaction can be cancelled, between two statements.
	uncancelled := context.WithoutCancel(ctx)
	values := make([]any, 0, n*(1+len(t.Columns)))
	for some := range slices.Chunk(rows, n) {
		values = values[:0]
		for _, row := range some {
			values = appendValues(append(values, int64(g)), t.Columns, row)
		}
		if _, err := prepared.ExecContext(uncancelled, values...); err != nil {
			return err
		}
	}
	return nil
}

// appendValues appends the columns' values as the driver takes them: nil, int64,
// string or bool.
func appendValues(values []any, columns []readmodel.Column, row any) []any {
	for i := range columns {
		switch field := columns[i].At(row).(type) {
		case *string:
			values = append(values, orNull(*field, columns[i].Null))
		case *bool:
			values = append(values, *field)
		case *int64:
			values = append(values, orNull(*field, columns[i].Null))
		case *time.Time:
			values = append(values, nullTime(*field, columns[i].Null))
		case **events.Won:
			values = append(values, nullWon(*field))
		case *readmodel.Figure:
			values = append(values, nullValue(field))
		case *readmodel.Counts:
			values = append(values, field.String())
		}
	}
	return values
}

// scanner returns a function that scans a result of the table's columns, and of more after
// them, into a row. What is scanned into any is not converted, and no text is copied.
func (t *table) scanner(more ...any) func(rows *sql.Rows, row any) error {
	values, targets := make([]any, len(t.Columns)), make([]any, len(t.Columns), len(t.Columns)+len(more))
	for i := range values {
		targets[i] = &values[i]
	}
	targets = append(targets, more...)
	return func(rows *sql.Rows, row any) error {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i := range values {
			if err := setField(&t.Columns[i], row, values[i]); err != nil {
				return fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
			}
		}
		return nil
	}
}

// setField sets the column's field in a row to what is stored: an int64, a string, or nil for NULL.
func setField(c *readmodel.Column, row, stored any) (err error) {
	number, isNumber := stored.(int64)
	text, isText := stored.(string)
	if expected := c.Null && stored == nil || isText && c.HasTexts() || isNumber && !c.HasTexts(); !expected {
		return fmt.Errorf("a value of type %T is stored", stored)
	}
	switch field := c.At(row).(type) {
	case *string:
		*field = text
	case *bool:
		*field = number != 0
	case *int64:
		*field = number
	case *time.Time:
		*field = timeOf(sql.NullInt64{Int64: number, Valid: isNumber})
	case **events.Won:
		if *field = nil; isNumber {
			*field = new(events.Won(number))
		}
	case *readmodel.Figure: // its time has a column of its own
		field.Value = number
	case *readmodel.Counts:
		*field, err = readmodel.ParseCounts(text)
	}
	return err
}

// orNull returns the value; NULL for the zero value of an optional column.
func orNull[T comparable](v T, null bool) any {
	if null && v == *new(T) {
		return nil
	}
	return v
}

func nullTime(t time.Time, null bool) any {
	if null && t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}

func nullWon(w *events.Won) any {
	if w == nil {
		return nil
	}
	return int64(*w)
}

// nullValue returns NULL for an unknown figure, never 0 (I8).
func nullValue(f *readmodel.Figure) any {
	if !f.Known() {
		return nil
	}
	return f.Value
}
