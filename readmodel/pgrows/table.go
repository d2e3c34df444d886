package pgrows

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
	"jangbu/readmodel"
)

// The statements over any table of rows; newTable puts in its name and columns.
const (
	readCampaign = `
SELECT {columns}
FROM jangbu_rows.{table}
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = '{table}')
  AND campaign = $1
  AND ($2 OR EXISTS (
    SELECT FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND campaign = $1
      AND known AND store = ANY ($3)
  ))
ORDER BY {key}`

	// readCampaignRows reads a range from, or after, a campaign, which takes the database two thirds of
	// the time of looking up each of its campaigns.
	readCampaignRows = `
SELECT {columns}
FROM jangbu_rows.{table}
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = '{table}')
  AND campaign {from} $1 AND campaign <= $2
ORDER BY {key}`

	// LIMIT in the lateral join makes the planner look up each row by key, even without
	// statistics of the table.
	loadKeys = `
SELECT {columns}
FROM unnest({key arrays}) AS wanted ({wanted})
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.{table}
    WHERE generation = $1 AND ({key}) = ({each wanted})
    LIMIT 1
) AS found`

	loadCampaign = `
SELECT {columns}
FROM jangbu_rows.{table}
WHERE generation = $1 AND campaign = $2`

	upsertRows = `
INSERT INTO jangbu_rows.{table} (generation, {columns})
SELECT $1, new.*
FROM unnest({arrays}) AS new
ON CONFLICT (generation, {key}) DO UPDATE
SET ({updated}) = ROW ({excluded})`

	clearCampaign = `
DELETE FROM jangbu_rows.{table}
WHERE generation = $1 AND campaign = $2`

	// pruneSome deletes the first rows of a generation from a campaign on, and returns how many, and the
	// last one's campaign: the next ones are found from there. What was deleted stays in the index, and a
	// search from the generation's start would pass all of it.
	pruneSome = `
WITH taken AS MATERIALIZED (
    SELECT ctid, campaign FROM jangbu_rows.{table}
    WHERE generation = $1 AND campaign >= $2
    ORDER BY campaign
    LIMIT $3
), gone AS (
    DELETE FROM jangbu_rows.{table}
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM taken))
)
SELECT count(*), coalesce(max(campaign), '') FROM taken`

	// campaignsAfter limits each table, so that none is read further than needed.
	campaignsAfter = `
(
    SELECT DISTINCT campaign FROM jangbu_rows.{table}
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = '{table}')
      AND campaign > $1
    ORDER BY campaign
    LIMIT $2
)`
)

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
	upsert    string
	copy      string
	clear     string
	prune     string
	campaigns string
	// description is that of the snapshots that are read.
	description uint32
}

func newTable(t *readmodel.Table) *table {
	columns, key := readmodel.Names(t.Columns), readmodel.Names(t.Key)
	updated, wanted := columns[len(key):], make([]string, len(key))
	for i := range wanted {
		wanted[i] = fmt.Sprint("k", i)
	}
	list := func(prefix string, names []string) string { return prefix + strings.Join(names, ", "+prefix) }
	fill := strings.NewReplacer(
		"{table}", t.Name, "{columns}", list("", columns), "{key}", list("", key),
		"{key arrays}", arrays(t.Key), "{arrays}", arrays(t.Columns),
		"{wanted}", list("", wanted), "{each wanted}", list("wanted.", wanted),
		"{updated}", list("", updated), "{excluded}", list("EXCLUDED.", updated),
	).Replace
	return &table{
		Table: t, statement: fill, copy: fill(copyRows),
		read: fill(readCampaign), readFrom: fill(strings.ReplaceAll(readCampaignRows, "{from}", ">=")), readAfter: fill(strings.ReplaceAll(readCampaignRows, "{from}", ">")), loadAll: fill(loadCampaign), load: fill(loadKeys), upsert: fill(upsertRows),
		clear: fill(clearCampaign), prune: fill(pruneSome), campaigns: fill(campaignsAfter),
		description: readmodel.NewCodec(t).Description(),
	}
}

// arrays returns the parameters from $2 on that hold the columns, one array each.
func arrays(columns []readmodel.Column) string {
	parameters := make([]string, len(columns))
	for i, c := range columns {
		parameters[i] = fmt.Sprintf("$%d::%s[]", i+2, sqlType(c.Kind))
	}
	return strings.Join(parameters, ", ")
}

func sqlType(k readmodel.Kind) string {
	switch k {
	case readmodel.Text:
		return "text"
	case readmodel.Boolean:
		return "boolean"
	case readmodel.Instant:
		return "timestamptz"
	case readmodel.Integer, readmodel.Amount, readmodel.Value:
		return "bigint"
	case readmodel.ByLabel:
		return "json"
	default:
		panic(fmt.Sprintf("pgrows: no type for a column of kind %d", k))
	}
}

// part holds the rows of one table.
type part struct {
	*table
	rows []any
}

// parts returns the rows of each table that has any.
func (s *Store) parts(rows *readmodel.Rows) ([]part, error) {
	var parts []part
	for described, some := range rows.All() {
		t, err := s.table(described)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{t, some})
	}
	return parts, nil
}

// queueLoad reads the rows with the keys of one generation.
func (t *table) queueLoad(batch *pgx.Batch, g readmodel.Generation, keys []any, into *readmodel.Rows) {
	batch.Queue(t.load, arguments(t.Key, g, keys)...).Query(t.scanEach(func() any { return t.NewRow() }, func(row any) { into.Put(t.Table, row) }))
}

// queueUpsert replaces rows of one generation.
func (t *table) queueUpsert(batch *pgx.Batch, g readmodel.Generation, rows []any) {
	batch.Queue(t.upsert, arguments(t.Columns, g, rows)...)
}

// arguments returns the generation and, for each column, an array of the rows' values.
func arguments(columns []readmodel.Column, g readmodel.Generation, rows []any) []any {
	args := make([]any, 1, 1+len(columns))
	args[0] = int32(g)
	for i := range columns {
		args = append(args, array(&columns[i], rows))
	}
	return args
}

// array returns the rows' values in the column.
func array(c *readmodel.Column, rows []any) any {
	switch c.Kind {
	case readmodel.Text:
		if c.Null {
			return collect(rows, func(row any) pgtype.Text { return nullText(*c.At(row).(*string)) })
		}
		return collect(rows, func(row any) string { return *c.At(row).(*string) })
	case readmodel.Boolean:
		return collect(rows, func(row any) bool { return *c.At(row).(*bool) })
	case readmodel.Integer:
		if c.Null {
			return collect(rows, func(row any) pgtype.Int8 { return nullNumber(*c.At(row).(*int64)) })
		}
		return collect(rows, func(row any) int64 { return *c.At(row).(*int64) })
	case readmodel.Instant:
		return collect(rows, func(row any) pgtype.Timestamptz { return nullTime(*c.At(row).(*time.Time), c.Null) })
	case readmodel.Amount:
		return collect(rows, func(row any) pgtype.Int8 { return nullWon(*c.At(row).(**events.Won)) })
	case readmodel.Value:
		return collect(rows, func(row any) pgtype.Int8 { return nullValue(c.At(row).(*readmodel.Figure)) })
	case readmodel.ByLabel:
		return collect(rows, func(row any) string { return c.At(row).(*readmodel.Counts).String() })
	default:
		panic(fmt.Sprintf("pgrows: no array of kind %d", c.Kind))
	}
}

func collect[T any](rows []any, value func(any) T) pgtype.FlatArray[T] {
	values := make(pgtype.FlatArray[T], len(rows))
	for i, row := range rows {
		values[i] = value(row)
	}
	return values
}

// scanEach returns a function that reads a result of the table's columns, and of more after
// them, into the row that next returns and then calls use with it.
func (t *table) scanEach(next func() any, use func(row any), more ...any) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		targets := append(make([]any, len(t.Columns)), more...) // nil is not scanned
		texts := make([]string, len(t.Columns))                 // of the last row: many have the same campaign
		for rows.Next() {
			if len(more) > 0 {
				if err := rows.Scan(targets...); err != nil {
					return err
				}
			}
			row, fields, raw := next(), rows.FieldDescriptions(), rows.RawValues()
			for i := range t.Columns {
				if err := setField(&t.Columns[i], row, fields[i].Format, raw[i], &texts[i]); err != nil {
					return fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
				}
			}
			use(row)
		}
		return rows.Err()
	}
}

// binarySize returns how many bytes a value of the kind has in PostgreSQL's binary format; 0 where it is
// sent as text.
func binarySize(k readmodel.Kind) int {
	switch k {
	case readmodel.Boolean:
		return 1
	case readmodel.Integer, readmodel.Instant, readmodel.Amount, readmodel.Value:
		return 8
	case readmodel.Text, readmodel.ByLabel:
	}
	return 0
}

// setField sets the column's field in a row to what the server has sent; nil is NULL. It takes less time
// than to scan. The memory of raw belongs to the connection: a text is copied, unless it is the last one.
func setField(c *readmodel.Column, row any, format int16, raw []byte, last *string) (err error) {
	size := binarySize(c.Kind)
	if (format == pgx.BinaryFormatCode) != (size > 0) || raw == nil && !c.Null || raw != nil && size > 0 && len(raw) != size {
		return fmt.Errorf("%d bytes of format %d are not as expected", len(raw), format)
	}
	number := int64(0)
	if len(raw) == 8 {
		number = int64(binary.BigEndian.Uint64(raw))
	}
	switch field := c.At(row).(type) {
	case *string:
		if *last != string(raw) {
			*last = string(raw)
		}
		*field = *last
	case *bool:
		*field = raw[0] != 0
	case *int64:
		*field = number
	case *time.Time:
		if *field = (time.Time{}); raw != nil {
			*field = time.UnixMicro(number + epoch).UTC()
		}
	case **events.Won:
		if *field = nil; raw != nil {
			*field = new(events.Won(number))
		}
	case *readmodel.Figure: // its time has a column of its own
		field.Value = number
	case *readmodel.Counts:
		*field, err = readmodel.ParseCounts(string(raw))
	}
	return err
}

func nullTime(t time.Time, null bool) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: t, Valid: !null || !t.IsZero()}
}

func timeOf(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

func nullText(s string) pgtype.Text { return pgtype.Text{String: s, Valid: s != ""} }

func nullNumber(n int64) pgtype.Int8 { return pgtype.Int8{Int64: n, Valid: n != 0} }

func nullWon(w *events.Won) pgtype.Int8 {
	if w == nil {
		return pgtype.Int8{}
	}
	return pgtype.Int8{Int64: int64(*w), Valid: true}
}

// nullValue returns NULL for an unknown figure, never 0 (I8).
func nullValue(f *readmodel.Figure) pgtype.Int8 {
	return pgtype.Int8{Int64: f.Value, Valid: f.Known()}
}
