package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events/archive"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

// TestQuestionsInSQL runs each question of analyse/SQL.md on PostgreSQL, as the role that the page
// makes, and on SQLite, which have the same answer; and holds that the role can read nothing else.
func TestQuestionsInSQL(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("analyse", "SQL.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) != 1+10 {
		t.Fatalf("the page has %d blocks of SQL, want the role and ten questions", len(blocks))
	}
	export := filepath.Join("testdata", "export", "log.jsonl")
	file := filepath.Join(t.TempDir(), "rows.db")
	if _, complaint, code := command(t, "replay", "--source", export, "--into", file); code != cli.ExitDone {
		t.Fatalf("replay: exit %d: %s", code, complaint)
	}
	onSQLite, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = onSQLite.Close() }()

	database := services.Database(t)
	if _, complaint, code := command(t, "events", "import", export, "--database-url", database); code != cli.ExitDone {
		t.Fatalf("import: exit %d: %s", code, complaint)
	}
	keys, err := pglog.OpenKeys(t.Context(), database, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys.Close()
	serveExport(t, export, database)
	analyst := madeAnalyst(t, database, blocks[0])
	for _, question := range blocks[1:] {
		want, found := columnsAndRows(t, onSQLite, question)
		answer, err := analyst.Query(t.Context(), question)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(answer, pgx.RowToMap)
		if err != nil {
			t.Errorf("%s\non PostgreSQL: %v", question, err)
			continue
		}
		var got []string
		for _, c := range answer.FieldDescriptions() {
			got = append(got, c.Name)
		}
		if diff := cmp.Diff(strings.Fields(strings.ToLower(strings.Join(want, " "))), got); diff != "" {
			t.Errorf("%s\ncolumns (-SQLite +PostgreSQL):\n%s", question, diff)
		}
		// Whether a campaign has begun is as of the export there, and as of now here.
		if byState := strings.Contains(question, "state") || strings.Contains(question, "roiPercent IS"); len(all) != found && !byState || found == 0 {
			t.Errorf("%s\nhas %d rows on SQLite, %d on PostgreSQL", question, found, len(all))
		}
	}
	for _, view := range sqlViews() {
		sameColumns(t, view, file, database)
	}
	readsNothingElse(t, database, analyst)
}

func sqlViews() []string { return []string{"campaigns", "channels", "hours", "profiles", "shops"} }

// sameColumns holds that a view has the same columns in both databases, and that those of a replay
// have the types that they have on PostgreSQL, but for a day, which is text.
func sameColumns(t *testing.T, view, file, database string) {
	t.Helper()
	rows, err := sqliterows.Open(t.Context(), file, projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	replayed, err := rows.View(t.Context(), view, "")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range replayed.Columns {
		want = append(want, strings.ToLower(c.Name)+" "+map[string]string{
			"string": "text", "int64": "bigint", "float64": "double precision", "time.Time": "timestamp with time zone",
		}[c.Type.String()])
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	const columns = `
SELECT attname || ' ' || CASE attname WHEN 'day' THEN 'text' ELSE format_type(atttypid, NULL) END
FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0
ORDER BY attnum`
	stored, err := conn.Query(t.Context(), columns, "jangbu_rows."+view)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(stored, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-SQLite +PostgreSQL):\n%s", view, diff)
	}
}

// columnsAndRows returns the columns of an answer, and how many rows it has.
func columnsAndRows(t *testing.T, db *sql.DB, question string) (columns []string, found int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), question)
	if err != nil {
		t.Fatalf("%s\non SQLite: %v", question, err)
	}
	defer func() { _ = rows.Close() }()
	if columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		found++
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\non SQLite: %v", question, err)
	}
	return columns, found
}

// serveExport makes rows of an export that PostgreSQL serves.
func serveExport(t *testing.T, path, database string) {
	t.Helper()
	export, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = export.Close() }()
	folded, err := replay.Run(t.Context(), replay.Config{Export: export, Projections: projections.All()})
	if err != nil {
		t.Fatal(err)
	}
	store, err := pgrows.Open(t.Context(), database, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var wanted []readmodel.Checkpoint
	for _, p := range projections.All() {
		wanted = append(wanted, readmodel.Checkpoint{Projection: p.Name(), Version: p.Version})
	}
	at, err := store.Register(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	lease, _, err := store.Acquire(t.Context(), runner.LeaseName, "a test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var advances []readmodel.Advance
	for _, checkpoint := range at {
		advances = append(advances, readmodel.Advance{Checkpoint: checkpoint, To: folded.Through})
	}
	if _, err := store.Commit(t.Context(), lease, advances, folded.Rows); err != nil {
		t.Fatal(err)
	}
}

// madeAnalyst makes the role as the page does, by another name, and returns a connection of it.
func madeAnalyst(t *testing.T, database, statements string) *pgx.Conn {
	t.Helper()
	name := "analyst_" + strings.ToLower(rand.Text())
	administerIn(t, database, strings.ReplaceAll(statements, "analyst", name))
	t.Cleanup(func() { administerIn(t, database, "DROP OWNED BY "+name, "DROP ROLE "+name) })
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword(name, "secret")
	conn, err := pgx.Connect(t.Context(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// readsNothingElse tries to read all that is not PostgreSQL's own.
func readsNothingElse(t *testing.T, database string, analyst *pgx.Conn) {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	const relations = `
SELECT format('%I.%I', nspname, relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1`
	rows, err := admin.Query(t.Context(), relations)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"jangbu_log.events", "jangbu_log.dead_letters", "jangbu_keys.campaign_keys", "jangbu_rows.event_stats", "jangbu_rows.store"} {
		if !slices.Contains(all, of) {
			t.Errorf("%s is not tried: %v", of, all)
		}
	}
	var readable []string
	for _, relation := range all {
		if _, err := analyst.Exec(t.Context(), `SELECT * FROM `+relation+` LIMIT 1`); err == nil {
			readable = append(readable, relation)
		}
	}
	var views []string
	for _, view := range sqlViews() {
		views = append(views, "jangbu_rows."+view)
	}
	if diff := cmp.Diff(views, readable); diff != "" {
		t.Errorf("the role reads (-views +got):\n%s", diff)
	}
	// It can be lent no rights, and change nothing, also where a transaction is not read-only.
	const lent = `
SELECT (SELECT count(*) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE prosecdef AND nspname NOT IN ('pg_catalog', 'information_schema') AND has_function_privilege($1, p.oid, 'EXECUTE'))
    + (SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole)
    + (SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE relkind IN ('r', 'v', 'm', 'p', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema') AND has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))`
	var n int
	if err := admin.QueryRow(t.Context(), lent, analyst.Config().User).Scan(&n); err != nil || n != 0 {
		t.Errorf("the role has %d rights more: %v", n, err)
	}
}
