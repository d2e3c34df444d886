package readmodeltest

import (
	"fmt"
	"reflect"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Extra is a row of the suite's own table, which no projection folds. It has a column of each
// kind, and a key column of each kind that a key may have. It shows that nothing but the
// descriptors lists tables.
type Extra struct {
	ExtraKey
	Flag   bool
	Note   string
	Count  int64
	Seen   time.Time // zero: unknown
	Amount *events.Won
	Figure readmodel.Figure
	Labels readmodel.Counts
}

// ExtraKey is the key of an [Extra] row.
type ExtraKey struct {
	Campaign events.Campaign
	Number   int64
	Day      time.Time
	Name     string
}

// ExtraTable describes the table of [Extra] rows. The suite's adapters make it with
// [ExtraOnPostgres] or [ExtraOnSQLite].
func ExtraTable() *readmodel.Table {
	return readmodel.NewTable("extra", func(r *Extra) *ExtraKey { return &r.ExtraKey },
		[]readmodel.Column{
			readmodel.Field("campaign", func(k *ExtraKey) *string { return (*string)(&k.Campaign) }),
			readmodel.Field("number", func(k *ExtraKey) *int64 { return &k.Number }),
			readmodel.Field("day", func(k *ExtraKey) *time.Time { return &k.Day }),
			readmodel.Field("name", func(k *ExtraKey) *string { return &k.Name }),
		},
		readmodel.Field("flag", func(r *Extra) *bool { return &r.Flag }),
		readmodel.Field("note", func(r *Extra) *string { return &r.Note }),
		readmodel.Field("count", func(r *Extra) *int64 { return &r.Count }),
		readmodel.Field("seen", func(r *Extra) *time.Time { return &r.Seen }),
		readmodel.Field("amount_won", func(r *Extra) **events.Won { return &r.Amount }),
		readmodel.Field("figure", func(r *Extra) *readmodel.Figure { return &r.Figure }),
		readmodel.Field("figure_at", func(r *Extra) *time.Time { return &r.Figure.At }),
		readmodel.Field("labels", func(r *Extra) *readmodel.Counts { return &r.Labels }),
	)
}

// The table of [Extra] rows in both databases.
const (
	ExtraOnPostgres = `
CREATE SCHEMA IF NOT EXISTS jangbu_rows;
CREATE TABLE jangbu_rows.extra (
    generation integer NOT NULL,
    campaign   text COLLATE "C" NOT NULL,
    number     bigint NOT NULL,
    day        timestamptz NOT NULL,
    name       text COLLATE "C" NOT NULL,
    flag       boolean NOT NULL,
    note       text NOT NULL,
    count      bigint NOT NULL,
    seen       timestamptz,
    amount_won bigint,
    figure     bigint,
    figure_at  timestamptz,
    labels     json NOT NULL,
    PRIMARY KEY (generation, campaign, number, day, name)
)`

	ExtraOnSQLite = `
CREATE TABLE extra (
    generation INTEGER NOT NULL,
    campaign   TEXT NOT NULL,
    number     INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    name       TEXT NOT NULL,
    flag       INTEGER NOT NULL,
    note       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    seen       INTEGER,
    amount_won INTEGER,
    figure     INTEGER,
    figure_at  INTEGER,
    labels     TEXT NOT NULL,
    PRIMARY KEY (generation, campaign, number, day, name)
) STRICT, WITHOUT ROWID`
)

// Tables returns the tables of the projections and the suite's own.
func Tables() []*readmodel.Table {
	return []*readmodel.Table{
		readmodel.CampaignStatsTable(), readmodel.ChannelStatsTable(), readmodel.ParticipationHourlyTable(),
		readmodel.ParticipantProfileTable(), ExtraTable(),
	}
}

func newRows() *readmodel.Rows { return readmodel.NewRows(Tables()...) }

// ByTable returns the rows of each table that has any, sorted by key, to be compared.
func ByTable(rows *readmodel.Rows) map[string][]any {
	of := make(map[string][]any)
	for t, some := range rows.All() {
		of[t.Name] = some
	}
	return of
}

// CampaignRows returns the given rows of one campaign, in their order. Each argument is a row
// of one of [Tables] or a slice of such rows.
func CampaignRows(rows ...any) readmodel.CampaignRows {
	out, tables := readmodel.NewCampaignRows(), Tables()
	for _, some := range rows {
		v := reflect.ValueOf(some)
		if v.Kind() != reflect.Slice {
			v = reflect.Append(reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, 1), v)
		}
		for i := range v.Len() {
			reflect.ValueOf(out.Append(tableOf(tables, v.Index(i).Type()))).Elem().Set(v.Index(i))
		}
	}
	return out
}

// tableOf returns the table with rows of the type.
func tableOf(tables []*readmodel.Table, row reflect.Type) *readmodel.Table {
	for _, t := range tables {
		if reflect.TypeOf(t.NewRow()).Elem() == row {
			return t
		}
	}
	panic(fmt.Sprintf("readmodeltest: no table has rows of type %s", row))
}

// add puts the rows of the second into the first, which then shares them.
func add(to, rows *readmodel.Rows) {
	for t, some := range rows.All() {
		for _, row := range some {
			to.Put(t, row)
		}
	}
}

// where returns the rows that are wanted.
func where(rows *readmodel.Rows, wanted func(t *readmodel.Table, row any) bool) *readmodel.Rows {
	out := newRows()
	for t, some := range rows.All() {
		for _, row := range some {
			if wanted(t, row) {
				out.Put(t, row)
			}
		}
	}
	return out
}

// only returns the rows of one table.
func only(rows *readmodel.Rows, table string) *readmodel.Rows {
	return where(rows, func(t *readmodel.Table, _ any) bool { return t.Name == table })
}

// lacking returns the rows of the other tables.
func lacking(rows *readmodel.Rows, table string) *readmodel.Rows {
	return where(rows, func(t *readmodel.Table, _ any) bool { return t.Name != table })
}

// without returns all rows but those of a campaign in one table.
func without(rows *readmodel.Rows, c events.Campaign, table string) *readmodel.Rows {
	return where(rows, func(t *readmodel.Table, row any) bool { return t.Name != table || t.CampaignOf(row) != c })
}

// keysOf names all rows.
func keysOf(rows *readmodel.Rows) *readmodel.Keys {
	keys := readmodel.NewKeys(Tables()...)
	for k := range rows.Campaigns() {
		readmodel.Touch[readmodel.CampaignStats](keys, k)
	}
	for k := range rows.Channels() {
		readmodel.Touch[readmodel.ChannelStats](keys, k)
	}
	for k := range rows.Hours() {
		readmodel.Touch[readmodel.ParticipationHour](keys, k)
	}
	for k := range rows.Profiles() {
		readmodel.Touch[readmodel.ParticipantProfile](keys, k)
	}
	for k := range readmodel.RowsOf[Extra, ExtraKey](rows) {
		readmodel.Touch[Extra](keys, k)
	}
	return keys
}
