package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
	"jangbu/events/privacy"
)

// erasable is a person who registers for evt-1, three times.
type erasable struct {
	phone        string
	participants []string
	pseudonym    events.Pseudonym
}

// needles are what of the person may be in no file: each in the encodings in use.
func (p *erasable) needles() (all [][]byte) {
	for _, raw := range append([][]byte{p.pseudonym[:], []byte(p.phone), []byte("01088887777")}, bytesOf(p.participants)...) {
		all = append(all, raw, []byte(hex.EncodeToString(raw)), []byte(base64.RawURLEncoding.EncodeToString(raw)), []byte(base64.RawStdEncoding.EncodeToString(raw)))
	}
	return all
}

func bytesOf(texts []string) (all [][]byte) {
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

// found returns the needles that are in the content.
func (p *erasable) found(content []byte) (some []string) {
	for _, needle := range p.needles() {
		if bytes.Contains(content, needle) {
			some = append(some, fmt.Sprintf("%q", needle))
		}
	}
	return some
}

// TestErasedPersonLeavesNoByte erases a person by phone number while a service runs: no
// pseudonym and no participant of it, in any encoding in use, is in the files of log and rows,
// in a dead letter, in Redis, or in an export made afterwards. Totals are the same, the chain
// verifies, and the records that are delivered again stay erased (I10).
func TestErasedPersonLeavesNoByte(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		at := stores.Config{DataDir: t.TempDir(), DatabaseURL: database}
		redis := miniredis.RunT(t)
		key := filepath.Join(at.DataDir, "master.key")
		if _, err := privacy.CreateMasterKey(key); err != nil {
			t.Fatal(err)
		}
		p := runProgram(t, at.DataDir, "JANGBU_DATABASE_URL="+database, "JANGBU_MASTER_KEY_FILE="+key, "JANGBU_REDIS_URL=redis://"+redis.Addr())
		who := &erasable{phone: "010-8888-7777", participants: []string{"squid-game-067", "squid-game-218", "squid-game-456"}}
		registration := func(participant, campaign, phone, region string) events.Record {
			return record("participant-registered", campaign, fmt.Sprintf(
				`{"participantId":%q,"eventId":%q,"phoneNumber":%q,"registeredAt":"2026-11-20T10:00:00+09:00","channel":"naver","newCustomer":true,"gender":"female","ageGroup":"20s","region":%q}`,
				participant, campaign, phone, region))
		}
		var records []events.Record
		for n := range 300 {
			if n%100 == 50 {
				records = append(records, registration(who.participants[n/100], "evt-1", who.phone, "서울"))
			}
			records = append(records, registration(fmt.Sprintf("p-%d", n), "evt-1", fmt.Sprintf("010-2222-%04d", n), "부산"))
		}
		own := []events.Record{
			registration(who.participants[0], "evt-1", who.phone, "제주"), // conflicts
			record("participant-registered", "evt-1", `{"eventId":"evt-1","phoneNumber":"+82 10 8888 7777"}`),
			record("participant-registered", "evt-1", `{"eventId":"evt-1","participantId":"squid-game-456"`),
		}
		others := []events.Record{
			record("participant-registered", "evt-1", `{"eventId":"evt-1","phoneNumber":"010-2222-0001"}`),
			record("participant-registered", "evt-2", `{"eventId":"evt-2","phoneNumber":"010-8888-7777"}`),
		}
		p.produce(t, records...)
		p.settled(t, events.Totals{Head: 303}, time.Minute)
		p.produce(t, append(own, others...)...)
		p.settled(t, events.Totals{Head: 303, DeadLettered: 5}, time.Minute)
		before := p.dashboard(t, "evt-1")
		log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closeLog() })
		positions := who.in(t, log)
		search := func() []string {
			t.Helper()
			return slices.Concat(who.inFiles(t, &at), who.inDatabase(t, database), who.inRedis(redis), who.inExports(t, &at))
		}
		if hits := search(); len(hits) < 4 {
			t.Fatalf("before it is erased the person is found in %q alone: this test looks at the wrong places", hits)
		}

		flags := append([]string{"--campaign", "evt-1", "--phone", who.phone, "--why", "asked for", "--json"},
			given("--data-dir", at.DataDir, "--database-url", database, "--master-key-file", key)...)
		erase := func(more ...string) (out struct {
			Positions   []events.Position
			DeadLetters int
		}, code int,
		) {
			t.Helper()
			text, complaint, code := command(t, slices.Concat([]string{"privacy", "erase", "--yes"}, flags, more)...)
			if code == cli.ExitDone {
				if err := checkJSON("privacy-erase", []byte(text)); err != nil {
					t.Error(err)
				}
				if err := json.Unmarshal([]byte(text), &out); err != nil {
					t.Fatal(err)
				}
			} else if code != cli.ExitNothing {
				t.Fatalf("erase exits with %d: %s", code, complaint)
			}
			if hits := who.found([]byte(text + complaint)); len(hits) > 0 {
				t.Errorf("the command prints %v", hits)
			}
			return out, code
		}
		for _, dry := range []bool{true, false} {
			var more []string
			if dry {
				more = []string{"--dry-run"}
			}
			out, code := erase(more...)
			if code != cli.ExitDone || !slices.Equal(out.Positions, positions) || out.DeadLetters != 3 {
				t.Errorf("erase (dry: %v) exits with %d and erases %+v, want positions %v and 3 dead letters", dry, code, out, positions)
			}
		}
		check := func() {
			t.Helper()
			forgotten(t, search, given("--data-dir", at.DataDir, "--database-url", database)...)
		}
		check()
		after := p.dashboard(t, "evt-1")
		if after.Summary != before.Summary {
			t.Errorf("totals are %+v, were %+v", after.Summary, before.Summary)
		}
		p.produce(t, slices.Concat(records, own, others)...) // with offsets of their own: the letters are others
		p.settled(t, events.Totals{Head: 303, Duplicates: 303, DeadLettered: 10}, time.Minute)
		if out, code := erase(); code != cli.ExitDone || len(out.Positions) != 0 || out.DeadLetters != 2 {
			// The letter without the number names a participant that is known no more.
			t.Errorf("erase again exits with %d and erases %+v, want 2 dead letters", code, out)
		}
		if read, err := log.Read(t.Context(), positions[1]-1, 1); err != nil || !read[0].Erased() {
			t.Errorf("after its record was delivered again, the event is %+v, %v", read, err)
		}
		check()
		if _, code := erase(); code != cli.ExitNothing {
			t.Errorf("erase once more exits with %d, want 3", code)
		}
		totals, err := log.Totals(t.Context())
		if err != nil || totals.Discarded != 5 {
			t.Errorf("totals %+v, %v: want 5 letters discarded", totals, err)
		}
	})
}

// in returns the positions of the person's events, and notes the pseudonym.
func (p *erasable) in(t *testing.T, log events.Log) (positions []events.Position) {
	t.Helper()
	read, err := log.Read(t.Context(), 0, 1_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range read {
		if e, ok := r.Event.(*events.ParticipantRegistered); ok && slices.Contains(p.participants, e.Participant) {
			p.pseudonym = e.Pseudonym
			positions = append(positions, r.Position)
		}
	}
	if len(positions) != len(p.participants) {
		t.Fatalf("the person has positions %v", positions)
	}
	return positions
}

// inFiles searches the data directory, but for the broker's, which keeps records as Kafka does.
func (p *erasable) inFiles(t *testing.T, at *stores.Config) (hits []string) {
	t.Helper()
	err := filepath.WalkDir(at.DataDir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "broker":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		for _, needle := range p.found(content) {
			hits = append(hits, filepath.Base(path)+": "+needle)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// inDatabase searches the files of the tables and indexes of PostgreSQL.
func (p *erasable) inDatabase(t *testing.T, database string) (hits []string) {
	t.Helper()
	if database == "" {
		return nil
	}
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `CHECKPOINT`); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `
		SELECT c.relname, pg_read_binary_file(pg_relation_filepath(c.oid))
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname LIKE 'jangbu%' AND c.relkind IN ('r', 'i', 't') OR c.relname = 'pg_statistic' AND pg_relation_filepath(c.oid) IS NOT NULL OR c.oid IN (SELECT reltoastrelid FROM pg_class AS r JOIN pg_namespace AS s ON s.oid = r.relnamespace WHERE s.nspname LIKE 'jangbu%')`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		var name string
		var content []byte
		if err := rows.Scan(&name, &content); err != nil {
			t.Fatal(err)
		}
		for _, needle := range p.found(content) {
			hits = append(hits, name+": "+needle)
		}
	}
	if err := rows.Err(); err != nil || n < 10 {
		t.Fatalf("%d relations, %v", n, err)
	}
	return hits
}

func (p *erasable) inRedis(redis *miniredis.Miniredis) (hits []string) {
	for _, needle := range p.found([]byte(redis.Dump())) {
		hits = append(hits, "Redis: "+needle)
	}
	return hits
}

// inExports searches a new export of each format, as it is and as it is read.
func (p *erasable) inExports(t *testing.T, at *stores.Config) (hits []string) {
	t.Helper()
	for _, format := range []string{".jsonl", ".jsonl.zst", ".parquet"} {
		path := filepath.Join(t.TempDir(), "export"+format)
		args := append([]string{"events", "export", "--why", "a test", path}, given("--data-dir", at.DataDir, "--database-url", at.DatabaseURL)...)
		if out, complaint, code := command(t, args...); code != cli.ExitDone {
			t.Fatalf("export exits with %d: %s%s", code, out, complaint)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := os.ReadFile(archive.ManifestPath(path))
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, manifest...)
		r, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Each(t.Context(), func(batch []events.Recorded) error {
			for _, e := range batch {
				content = archive.AppendLine(content, e)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		for _, needle := range p.found(content) {
			hits = append(hits, strings.TrimPrefix(format, ".")+": "+needle)
		}
	}
	return hits
}

// forgotten checks that search finds nothing, and that the log and the rows verify.
func forgotten(t *testing.T, search func() []string, flags ...string) {
	t.Helper()
	if hits := search(); len(hits) > 0 {
		t.Errorf("what was to be forgotten is in %q", hits)
	}
	for _, args := range [][]string{{"verify"}, {"verify", "--log"}} {
		args = append(args, flags...)
		if out, complaint, code := command(t, args...); code != cli.ExitDone {
			t.Errorf("%v exits with %d: %s%s", args, code, out, complaint)
		}
	}
}
