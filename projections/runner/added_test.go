package runner_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
	"jangbu/readmodel/sqliterows"
)

// added is a projection that the program does not have: nothing but its description
// and its folds says that it exists.
func added() projections.Projection {
	key := func(e *events.Recorded) (readmodeltest.ExtraKey, bool) {
		fact, ok := e.Event.(*events.ParticipantRegistered)
		if !ok {
			return readmodeltest.ExtraKey{}, false
		}
		at := e.OccurredAt.UTC()
		return readmodeltest.ExtraKey{Campaign: fact.Campaign, Number: int64(at.Hour()), Day: at.Truncate(24 * time.Hour), Name: fact.Channel}, true
	}
	return projections.Projection{
		Table: readmodeltest.ExtraTable(), Version: 1,
		Touch: func(keys *readmodel.Keys, e *events.Recorded) {
			if k, ok := key(e); ok {
				readmodel.Touch[readmodeltest.Extra](keys, k)
			}
		},
		Fold: func(rows *readmodel.Rows, e *events.Recorded) {
			k, ok := key(e)
			if !ok {
				return
			}
			row := readmodel.Row[readmodeltest.Extra](rows, k)
			row.Count++
			row.Flag = !row.Flag
			row.Note = fmt.Sprint("from ", e.Position)
			row.Seen = e.RecordedAt
			row.Figure = readmodel.Figure{Value: int64(e.Position), At: e.RecordedAt}
			sum := events.Won(100 * row.Count)
			row.Amount = &sum
		},
	}
}

func withAdded() []projections.Projection { return append(projections.All(), added()) }

// addedBundle is a log and rows with all projections and the added one.
type addedBundle struct {
	log  *sqlitelog.Log
	rows readmodel.Store
	ps   []projections.Projection
	head events.Position
	exec func(t *testing.T, statement string) // by hand; {} stands before the table's name
}

func (b *addedBundle) verify(t *testing.T) replay.Verified {
	t.Helper()
	return verify(t, replay.VerifyConfig{Log: b.log, Rows: b.rows, Projections: b.ps, Batch: 64})
}

func (b *addedBundle) clean(t *testing.T, after string) {
	t.Helper()
	if v := b.verify(t); v.First != nil || v.Campaigns == 0 {
		t.Fatalf("after %s: %d of %d campaigns differ: %v", after, v.Diverging, v.Campaigns, v.First)
	}
}

// extra returns the rows of the added table that are served of a campaign.
func (b *addedBundle) extra(t *testing.T, reader readmodel.Reader, c events.Campaign) []any {
	t.Helper()
	rows, err := reader.Campaign(t.Context(), c, readmodel.Everything())
	if err != nil {
		t.Fatal(err)
	}
	return rows.Of(readmodeltest.ExtraTable())
}

// TestAddedProjection drives a table that no list in the program names through all that
// is done with tables, on both databases.
func TestAddedProjection(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) *addedBundle{"sqlite": addedOnSQLite, "postgres": addedOnPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.log, b.ps = openLog(t), withAdded()
			b.head = appendAll(t, b.log, drafts(t, 21, 400), 100)
			testAddedIsFollowed(t, b)
			testAddedIsMended(t, b)
			testAddedIsRebuilt(t, b)
		})
	}
}

// testAddedIsFollowed folds the log in small batches, which load what earlier ones
// committed: the rows are those of one fold in memory.
func testAddedIsFollowed(t *testing.T, b *addedBundle) {
	r, stop := start(t, b.log, b.rows, "process-1", 37, b.ps)
	waitFor(t, r, b.head)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.clean(t, "following")
	folded, err := replay.Run(t.Context(), replay.Config{Log: b.log, Projections: b.ps})
	if err != nil {
		t.Fatal(err)
	}
	counted := int64(0)
	for _, row := range readmodel.RowsOf[readmodeltest.Extra, readmodeltest.ExtraKey](folded.Rows) {
		counted += row.Count
	}
	want := int64(0)
	for c, row := range folded.Rows.Campaigns() {
		want += row.Participants
		if served := b.extra(t, b.rows, c); len(served) != len(folded.Rows.Of(c).Of(readmodeltest.ExtraTable())) {
			t.Errorf("%s: %d rows are served of the added table", c, len(served))
		}
	}
	if counted != want || want == 0 {
		t.Fatalf("the added table counts %d participants, want %d", counted, want)
	}
	history := &replay.History{Log: b.log, Projections: b.ps}
	rows, _, err := history.CampaignAsOf(t.Context(), b.campaign(t), readmodel.Moment{Position: b.head}, readmodel.Everything())
	if err != nil || len(rows.Of(readmodeltest.ExtraTable())) == 0 {
		t.Errorf("looking back: %v, %v", rows, err)
	}
}

// campaign returns one with rows in the added table.
func (b *addedBundle) campaign(t *testing.T) events.Campaign {
	t.Helper()
	all, err := b.rows.Campaigns(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if len(b.extra(t, b.rows, c)) > 1 {
			return c
		}
	}
	t.Fatal("no campaign has rows in the added table")
	return ""
}

// testAddedIsMended damages the table by hand in each column, a row too many and a row
// too few: each is found and named, and a reset of the one campaign mends it.
func testAddedIsMended(t *testing.T, b *addedBundle) {
	c := b.campaign(t)
	r, stop := start(t, b.log, b.rows, "process-1", 1_000, b.ps)
	waitFor(t, r, b.head)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	for field, statement := range map[string]string{
		"Flag":         "UPDATE {}extra SET flag = NOT flag",
		"Note":         "UPDATE {}extra SET note = note || '?'",
		"Count":        "UPDATE {}extra SET count = count + 1",
		"Seen":         "UPDATE {}extra SET seen = NULL",
		"Amount":       "UPDATE {}extra SET amount_won = amount_won - 1",
		"Figure.Value": "UPDATE {}extra SET figure = figure + 1",
		"":             "DELETE FROM {}extra",
	} {
		b.exec(t, fmt.Sprintf("%s WHERE campaign = '%s'", statement, c))
		v := b.verify(t)
		if v.Diverging != 1 || v.First == nil || v.First.Campaign != c || v.First.Table != "extra" || v.First.Field != field {
			t.Fatalf("after %s: %d diverge, first %v", statement, v.Diverging, v.First)
		}
		// What --diff shows of an operation on this projection alone.
		var changes []replay.Divergence
		verify(t, replay.VerifyConfig{
			Log: b.log, Rows: b.rows, Projections: b.ps[len(b.ps)-1:], Campaigns: []events.Campaign{c}, AnyVersion: true,
			Each: func(d *replay.Divergence) { changes = append(changes, *d) },
		})
		if len(changes) == 0 || changes[0].Table != "extra" || changes[0].Field != field {
			t.Fatalf("after %s: --diff shows %v", statement, changes)
		}
		done(t, b.rows, readmodel.Reset, c, "extra")
		b.clean(t, "a reset of "+string(c))
	}
	// A campaign that has rows in this table alone is found as well.
	b.exec(t, "INSERT INTO {}extra SELECT generation, 'stray', number, day, name, flag, note, count, seen, amount_won, figure, figure_at, labels FROM {}extra WHERE campaign = '"+string(c)+"'")
	if v := b.verify(t); v.First == nil || v.First.Campaign != "stray" || v.First.Table != "extra" || v.First.Folded != "no row" {
		t.Fatalf("a campaign with stray rows: %v", v.First)
	}
	done(t, b.rows, readmodel.Reset, "stray", "extra")
	b.clean(t, "a reset of the stray rows")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// testAddedIsRebuilt rebuilds in memory and by stretches, goes back, and prunes.
func testAddedIsRebuilt(t *testing.T, b *addedBundle) {
	c := b.campaign(t)
	before := b.extra(t, b.rows, c)
	for _, most := range []int{0, 10} { // rows that a rebuild folds in memory; 0: all
		r, err := runner.New(config(b.log, b.rows, "process-1", 50, b.ps))
		if err != nil {
			t.Fatal(err)
		}
		r.FoldAtMost(most)
		ctx, cancel := context.WithCancel(t.Context())
		running := make(chan error, 1)
		go func() { running <- r.Run(ctx) }()
		b.exec(t, "UPDATE {}extra SET count = count + 7")
		done(t, b.rows, readmodel.Rebuild, "", names(b.ps)...)
		b.clean(t, "a rebuild")
		if served := active(t, b.rows)["extra"]; served.Position != b.head || served.Generation < 2 {
			t.Errorf("after a rebuild: %+v", served)
		}
		done(t, b.rows, readmodel.Rollback, "", names(b.ps)...)
		if v := b.verify(t); v.First == nil || v.First.Table != "extra" || v.First.Field != "Count" {
			t.Errorf("the generation before is not served: %v", v.First)
		}
		done(t, b.rows, readmodel.Rollback, "", names(b.ps)...)
		b.clean(t, "going back twice")
		cancel()
		if err := <-running; err != nil {
			t.Fatal(err)
		}
	}
	if now := b.extra(t, b.rows, c); len(now) != len(before) {
		t.Errorf("%d rows are served after the rebuilds, were %d", len(now), len(before))
	}
}

func addedOnSQLite(t *testing.T) *addedBundle {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := &addedBundle{exec: func(t *testing.T, statement string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), strings.ReplaceAll(statement, "{}", "")); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}}
	b.exec(t, "PRAGMA busy_timeout = 10000")
	b.exec(t, readmodeltest.ExtraOnSQLite)
	db.SetMaxOpenConns(1)
	rows, err := sqliterows.Open(t.Context(), path, projections.Tables(withAdded()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	b.rows = rows
	return b
}

func addedOnPostgres(t *testing.T) *addedBundle {
	t.Helper()
	url := services.Database(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	b := &addedBundle{exec: func(t *testing.T, statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), strings.ReplaceAll(statement, "{}", "jangbu_rows.")); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}}
	b.exec(t, readmodeltest.ExtraOnPostgres)
	rows, err := pgrows.Open(t.Context(), url, projections.Tables(withAdded()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rows.Close)
	b.rows = rows
	return b
}
