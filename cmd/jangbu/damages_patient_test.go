package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// template is a healthy data directory, and the database beside it, of which every case
// damages a copy.
type template struct {
	dir, database string // the database is empty where everything is in SQLite
	export        string // of the whole log
	head          int64
	served        map[string]string // what lasts of the dashboard of each campaign
	backup        map[string][]byte // the tables of log and keys in PostgreSQL, by name
}

// newTemplate has a service take in events of all types and dead letters, an operator withdraw
// an event, move a campaign and erase a person and a campaign's key.
func newTemplate(t *testing.T, database string) *template {
	t.Helper()
	h := &template{dir: t.TempDir(), database: database, served: make(map[string]string)}
	if _, err := privacy.CreateMasterKey(filepath.Join(h.dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	p := &patient{T: t, template: h, dir: h.dir, database: database}
	var records []events.Record
	campaigns := []string{"evt-1", "evt-2", "evt-3", "evt-4"}
	for n, id := range campaigns {
		records = append(records,
			record("event-created", id, fmt.Sprintf(`{"eventId":%q,"storeId":"store-%d","title":"개업 %d","objective":"o","prizeCost":100000,"newCustomerLtv":30000}`, id, n%2, n)),
			record("distribution-completed", id, fmt.Sprintf(`{"eventId":%q,"distributedChannels":[{"channel":"kakao","cost":5000},"naver"],"completedAt":"2026-03-02T10:00:00+09:00"}`, id)),
			record("channel-stats-fetched", id, fmt.Sprintf(`{"eventId":%q,"channel":"kakao","fetchedAt":"2026-03-03T10:00:00+09:00","impressions":%d,"views":200}`, id, 1000+n)))
		for i := range 12 {
			records = append(records, record("participant-registered", id, fmt.Sprintf(
				`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","registeredAt":"2026-03-02T%02d:00:00+09:00","channel":"naver","newCustomer":%t,"gender":"F","ageGroup":"20s","region":"서울"}`,
				i, id, i, 10+i/3, i%2 == 0)))
		}
	}
	s := p.serve()
	s.produce(t, records...)
	s.settled(t, events.Totals{Head: 60}, time.Minute)
	s.produce(t,
		record("participant-registered", "evt-1", `{"eventId":"evt-1","phoneNumber":"call me","participantId":"p-90"}`),
		record("participant-registered", "evt-2", `{"eventId":"evt-2"`),
		record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-9","title":"t","objective":"o"}`))
	s.settled(t, events.Totals{Head: 60, DeadLettered: 3}, time.Minute)
	var withdrawn int64
	p.query(`SELECT max(position) FROM jangbu_log.events WHERE campaign = 'evt-2' AND type = 2`, &withdrawn)
	p.run("events", "withdraw", fmt.Sprint(withdrawn), "--why", "a test of the shop's")
	p.run("campaigns", "move", "--campaign", "evt-2", "--shop", "store-7", "--why", "sold")
	p.run("privacy", "erase", "--campaign", "evt-3", "--participant", "p-4", "--why", "asked for", "--yes")
	p.run("privacy", "erase", "--campaign", "evt-4", "--why", "over", "--yes")
	s.settled(t, events.Totals{Head: 62, DeadLettered: 3}, time.Minute)
	p.run("projections", "rebuild", "--all") // leaves a standby
	for _, id := range campaigns {
		h.served[id] = lasting(s.get(t, s.api+"/api/events/"+id+"/analytics"))
	}
	s.end()
	p.query(`SELECT position FROM jangbu_log.log_head`, &h.head)
	h.export = filepath.Join(t.TempDir(), "log.jsonl")
	p.run("events", "export", "--why", "a test", h.export)
	p.run("verify")
	if database != "" {
		h.backup = make(map[string][]byte)
		for _, table := range backedUp {
			var content bytes.Buffer
			p.copy(func(conn *pgconn.PgConn) error {
				_, err := conn.CopyTo(t.Context(), &content, `COPY (TABLE `+table+`) TO STDOUT`)
				return err
			})
			h.backup[table] = content.Bytes()
		}
	}
	return h
}

// backedUp are the tables of a backup of log and keys.
var backedUp = []string{
	"jangbu_log.log_head", "jangbu_log.events", "jangbu_log.links", "jangbu_log.dead_letters", "jangbu_log.sources", "jangbu_log.erasures",
	"jangbu_keys.campaign_keys",
}

func (p *patient) copy(do func(*pgconn.PgConn) error) {
	p.Helper()
	conn, err := pgconn.Connect(p.Context(), p.database)
	if err == nil {
		err = errors.Join(do(conn), conn.Close(p.Context()))
	}
	if err != nil {
		p.Fatal(err)
	}
}

// patient is a copy of the template, which a case damages and mends.
type patient struct {
	*testing.T
	*template
	dir, database string
}

// copyOf returns a copy of the template.
func copyOf(t *testing.T, of *template) *patient {
	t.Helper()
	p := &patient{T: t, template: of, dir: filepath.Join(t.TempDir(), "data")}
	if err := os.CopyFS(p.dir, os.DirFS(of.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.file("master.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if of.database != "" {
		u, err := url.Parse(of.database)
		if err != nil {
			t.Fatal(err)
		}
		p.database = services.Database(t, "TEMPLATE "+strings.TrimPrefix(u.Path, "/"))
	}
	return p
}

func (p *patient) onSQLite() bool { return p.template.database == "" }

func (p *patient) file(name string) string { return filepath.Join(p.dir, name) }

// flags returns those that say where the patient is.
func (p *patient) flags(verb ...string) []string {
	all := []string{"--data-dir", p.dir}
	if p.database != "" {
		all = append(all, "--database-url", p.database)
	}
	if p.database != "" && (verb[0] == "serve" || verb[0] == "privacy" || verb[0] == "deadletters" && verb[1] == "retry") {
		all = append(all, "--master-key-file", p.file("master.key"))
	}
	return all
}

// command runs a command line.
func (p *patient) command(args ...string) (out, complaint string, code int) {
	p.Helper()
	return command(p.T, append(slices.Clone(args), p.flags(args...)...)...)
}

// run runs a command that mends.
func (p *patient) run(args ...string) {
	p.Helper()
	if out, complaint, code := p.command(args...); code != cli.ExitDone {
		p.Fatalf("%q exits with %d: %s%s", args, code, out, complaint)
	}
}

// sql damages the stores. Tables carry their schema, in SQLite too.
func (p *patient) sql(statements string) {
	p.Helper()
	p.connected(func(ctx context.Context, exec func(string) error, _ func(string, any) error) error {
		return exec(statements)
	})
}

func (p *patient) query(statement string, to any) {
	p.Helper()
	p.connected(func(_ context.Context, _ func(string) error, query func(string, any) error) error {
		return query(statement, to)
	})
}

func (p *patient) connected(do func(context.Context, func(string) error, func(string, any) error) error) {
	p.Helper()
	ctx := p.Context()
	var err error
	if p.database != "" {
		conn, e := pgx.Connect(ctx, p.database)
		if e != nil {
			p.Fatal(e)
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, `SET session_replication_role = replica`) // no triggers, no foreign keys
		if err == nil {
			err = do(ctx, func(s string) error { _, err := conn.Exec(ctx, s); return err },
				func(s string, to any) error { return conn.QueryRow(ctx, s).Scan(to) })
		}
	} else {
		db, e := sql.Open("sqlite", "file::memory:?_pragma=busy_timeout(10000)&_pragma=ignore_check_constraints(ON)")
		if e != nil {
			p.Fatal(e)
		}
		defer func() { _ = db.Close() }()
		db.SetMaxOpenConns(1)
		for schema, file := range map[string]string{"jangbu_log": "log.db", "jangbu_rows": "rows.db", "jangbu_keys": "keys.db"} {
			if _, e := os.Stat(p.file(file)); e != nil {
				continue
			}
			if _, err := db.ExecContext(ctx, `ATTACH ? AS `+schema, p.file(file)); err != nil {
				p.Fatal(err)
			}
		}
		err = do(ctx, func(s string) error { _, err := db.ExecContext(ctx, s); return err },
			func(s string, to any) error { return db.QueryRowContext(ctx, s).Scan(to) })
	}
	if err != nil {
		p.Fatal(err)
	}
}

// restore puts the log or the keys of the backup back: "log" or "keys".
func (p *patient) restore(store string) {
	p.Helper()
	p.drop(store)
	if p.onSQLite() {
		p.write(store+".db", string(p.read(p.T, store+".db")), 0o600)
		return
	}
	at := stores.Config{DatabaseURL: p.database}
	closer := func() (func() error, error) { _, closer, err := at.OpenLog(p.Context(), nil, nil); return closer, err }
	if store == "keys" {
		closer = func() (func() error, error) { _, closer, err := at.OpenKeys(p.Context(), nil); return closer, err }
	}
	closeStore, err := closer() // makes the tables
	if err == nil {
		err = closeStore()
	}
	if err != nil {
		p.Fatal(err)
	}
	for _, table := range backedUp {
		if strings.HasPrefix(table, "jangbu_"+store+".") {
			p.sql(`DELETE FROM ` + table)
			p.copy(func(conn *pgconn.PgConn) error {
				_, err := conn.CopyFrom(p.Context(), bytes.NewReader(p.backup[table]), `COPY `+table+` FROM STDIN`)
				return err
			})
		}
	}
}

// drop removes the log, the keys or the rows.
func (p *patient) drop(store string) {
	p.Helper()
	if !p.onSQLite() {
		p.sql(`DROP SCHEMA jangbu_` + store + ` CASCADE`)
		return
	}
	files, err := filepath.Glob(p.file(store + ".db*"))
	for _, path := range files {
		err = errors.Join(err, os.Remove(path))
	}
	if err != nil {
		p.Fatal(err)
	}
}

// read returns a file of the template.
func (h *template) read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// write writes a file.
func (p *patient) write(name, content string, mode os.FileMode) {
	p.Helper()
	if err := errors.Join(os.WriteFile(p.file(name), []byte(content), 0o600), os.Chmod(p.file(name), mode)); err != nil {
		p.Fatal(err)
	}
}

// truncate cuts a file in half.
func (p *patient) truncate(name string) {
	p.Helper()
	info, err := os.Stat(p.file(name))
	if err == nil {
		err = os.Truncate(p.file(name), info.Size()/2/4096*4096)
	}
	if err != nil {
		p.Fatal(err)
	}
}
