package replay_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	_ "github.com/jackc/pgx/v5/stdlib"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/sqlitelog"
	"jangbu/projections/replay"
)

// damagedLog is a log, and its database as who damages it sees it.
type damagedLog struct {
	events.Log
	db     *sql.DB
	schema string // before the names of tables
	last   int64  // the last position that the table of events takes
	bind   func(n int) string
}

func damagedLogs(t *testing.T) map[string]damagedLog {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.db")
	lite, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lite.Close() })
	url := services.Database(t)
	pg, err := pglog.Open(t.Context(), url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	open := func(driver, name string) *sql.DB {
		db, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	return map[string]damagedLog{
		"SQLite":     {lite, open("sqlite", path), "", math.MaxInt64, func(int) string { return "?" }},
		"PostgreSQL": {pg, open("pgx", url), "jangbu_log.", 1_000_000, func(n int) string { return fmt.Sprintf("$%d", n) }},
	}
}

// damages is how many single bytes TestEveryDamageIsNamed changes, one after another, on each
// database, unless JANGBU_TEST_DAMAGES says otherwise.
const damages = 250

// TestEveryDamageIsNamed damages single bytes of stored payloads, digests, links and
// positions: the verification of the chain names each one's position (I13).
func TestEveryDamageIsNamed(t *testing.T) {
	t.Parallel()
	damages := damages
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_DAMAGES")); err == nil {
		damages = n
	}
	for name, log := range damagedLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			head := fill(t, log, seed, 60)
			eraseSome(t, log, 5)
			wantIntact(t, log, head)
			kinds := make(map[string]int)
			for range damages {
				d := log.draw(t, random)
				kinds[d.what]++
				log.set(t, d, d.bad)
				found, err := replay.VerifyChain(t.Context(), replay.ChainConfig{Log: log})
				if err != nil {
					t.Fatalf("%s: %v", d.what, err)
				}
				if found.First == nil || found.First.Position != d.want && found.First.Position != events.Position(d.at) {
					t.Errorf("%s of position %d, %v in the place of %v: found %v", d.what, d.at, d.bad, d.good, found.First)
				}
				log.set(t, d, d.good)
			}
			wantIntact(t, log, head)
			t.Logf("%v", kinds)
		})
	}
}

// TestAllDamagesAreNamed damages several places at once: each is named, and nothing else.
func TestAllDamagesAreNamed(t *testing.T) {
	t.Parallel()
	for name, log := range damagedLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := fill(t, log, 3, 60)
			links := log.positions(t, "links")
			edited := links[3]
			for _, statement := range []string{
				"UPDATE " + log.schema + "events SET payload = replace(payload, '\"', '~') WHERE position = 2",
				fmt.Sprintf("UPDATE %slinks SET link = (SELECT link FROM %slinks WHERE position = %d) WHERE position = %d", log.schema, log.schema, links[0], edited),
				fmt.Sprintf("DELETE FROM %sevents WHERE position = %d", log.schema, head-5),
			} {
				if _, err := log.db.ExecContext(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			var named []events.Position
			found, err := replay.VerifyChain(t.Context(), replay.ChainConfig{Log: log, Batch: 7, Each: func(d replay.Damage) {
				named = append(named, d.Position)
			}})
			want := []events.Position{2, events.Position(edited), head - 5}
			if err != nil || !slices.Equal(named, want) || found.Damages != len(want) || found.First == nil || found.First.Position != 2 || found.Events != int64(head)-2 {
				t.Errorf("named %d: %+v, %v; want %d", named, found, err, want)
			}
		})
	}
}

// TestFormerIdentityIsNoDamage: an earlier release appended the registrations of one participant
// by the IDs of their records. One that stands beside the one with the natural ID is as it was
// written; without that one its ID was changed.
func TestFormerIdentityIsNoDamage(t *testing.T) {
	t.Parallel()
	for name, log := range damagedLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := fill(t, log, 5, 20)
			all, err := log.Read(t.Context(), 0, 1_000)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(all, func(r events.Recorded) bool { return r.Event.Type() == events.TypeParticipantRegistered })
			first := all[i]
			again := events.Draft{ID: events.ID{1, 2, 3}, Digest: first.Digest, OccurredAt: first.OccurredAt, Event: first.Event}
			if receipt, err := log.Append(t.Context(), []events.Draft{again}); err != nil || receipt.Outcomes[0] != events.Appended {
				t.Fatalf("append: %+v, %v", receipt, err)
			}
			wantIntact(t, log, head+1)
			if _, err := log.db.ExecContext(t.Context(), "DELETE FROM "+log.schema+"events WHERE position = "+log.bind(1), int64(first.Position)); err != nil {
				t.Fatal(err)
			}
			var named []events.Position
			if _, err := replay.VerifyChain(t.Context(), replay.ChainConfig{Log: log, Each: func(d replay.Damage) { named = append(named, d.Position) }}); err != nil {
				t.Fatal(err)
			}
			if want := []events.Position{first.Position, head + 1}; !slices.Equal(named, want) {
				t.Errorf("damage is named at %d, want at %d", named, want)
			}
		})
	}
}

// eraseSome erases n persons of the log, one by one, and returns their positions.
func eraseSome(t *testing.T, log events.Log, n int) (erased []events.Position) {
	t.Helper()
	read, err := log.Read(t.Context(), 0, 1_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range read {
		if r.Event.Type() != events.TypeParticipantRegistered || len(erased) == n {
			continue
		}
		if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: r.Event.Subject(), Positions: []events.Position{r.Position}, Who: "test"}); err != nil {
			t.Fatal(err)
		}
		erased = append(erased, r.Position)
	}
	return erased
}

// TestErasedWithoutRecordIsDamage holds that an event is erased only where a record of the
// erasures names it, and is erased where one does.
func TestErasedWithoutRecordIsDamage(t *testing.T) {
	t.Parallel()
	for name, log := range damagedLogs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := fill(t, log, 1, 60)
			before, err := log.Read(t.Context(), 0, 1_000)
			if err != nil {
				t.Fatal(err)
			}
			at := eraseSome(t, log, 2)[1]
			wantIntact(t, log, head)
			set := func(r events.Recorded) {
				t.Helper()
				_, err := log.db.ExecContext(t.Context(), "UPDATE "+log.schema+"events SET payload = "+log.bind(1)+", digest = "+log.bind(2)+" WHERE position = "+log.bind(3),
					string(events.AppendStored(nil, r.Event)), r.Digest[:], int64(r.Position))
				if err != nil {
					t.Fatal(err)
				}
			}
			want := func(problem string) {
				t.Helper()
				found, err := replay.VerifyChain(t.Context(), replay.ChainConfig{Log: log})
				if err != nil || found.First == nil || found.First.Position != at || !strings.Contains(found.First.Problem, problem) {
					t.Errorf("found %v, %v, want %s at position %d", found.First, err, problem, at)
				}
			}
			set(before[at-1])
			want("was erased, and it holds one")
			set(before[at-1].Erase())
			wantIntact(t, log, head)
			if _, err := log.db.ExecContext(t.Context(), "DELETE FROM "+log.schema+"erasures"); err != nil {
				t.Fatal(err)
			}
			at = eraseSome(t, log, 1)[0]
			want("no record says by whom")
		})
	}
}

func wantIntact(t *testing.T, log events.Log, head events.Position) {
	t.Helper()
	found, err := replay.VerifyChain(t.Context(), replay.ChainConfig{Log: log})
	if err != nil || found.First != nil || found.End.Position != head || found.Events != int64(head) {
		t.Fatalf("the whole log: %+v, %v", found, err)
	}
	if link, ok, err := log.Chain().Link(t.Context(), head); err != nil || !ok || link != found.End.Link {
		t.Fatalf("the log's link is %v, %v, %v; recomputed %v", link, ok, err, found.End.Link)
	}
}

// damage is one byte changed.
type damage struct {
	what, table, column string
	at                  int64           // position of the row
	want                events.Position // that the verification must name, unless it names at
	good, bad           any
}

func (l damagedLog) draw(t *testing.T, random *rand.Rand) damage {
	t.Helper()
	for {
		d := []damage{
			{what: "payload", table: "events", column: "payload"},
			{what: "digest", table: "events", column: "digest"},
			{what: "link", table: "links", column: "link"},
			{what: "position of an event", table: "events", column: "position"},
			{what: "position of a link", table: "links", column: "position"},
		}[random.IntN(5)]
		positions := l.positions(t, d.table)
		d.at = positions[random.IntN(len(positions))]
		d.want = events.Position(d.at)
		if d.column == "position" {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(d.at))
			b[random.IntN(8)] ^= byte(1 + random.IntN(255))
			moved := int64(binary.BigEndian.Uint64(b[:]))
			if slices.Contains(positions, moved) {
				continue // the primary key refuses it
			}
			if d.table == "events" && l.last < math.MaxInt64 && (moved < 1 || moved > l.last) {
				continue // no segment takes it
			}
			if d.table == "links" {
				d.want = events.Position(moved)
			}
			d.good, d.bad = d.at, moved
			return d
		}
		var value []byte
		l.scan(t, &value, "SELECT "+d.column+" FROM "+l.schema+d.table+" WHERE position = "+l.bind(1), d.at)
		bad := append([]byte(nil), value...)
		bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
		d.good, d.bad = value, bad
		if d.column == "payload" {
			if !utf8.Valid(bad) || slices.Contains(bad, 0) {
				continue // no text
			}
			d.good, d.bad = string(value), string(bad)
		}
		return d
	}
}

func (l damagedLog) positions(t *testing.T, table string) (all []int64) {
	t.Helper()
	rows, err := l.db.QueryContext(t.Context(), "SELECT position FROM "+l.schema+table+" ORDER BY position")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p int64
		if err := rows.Scan(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func (l damagedLog) scan(t *testing.T, to any, query string, args ...any) {
	t.Helper()
	if err := l.db.QueryRowContext(t.Context(), query, args...).Scan(to); err != nil {
		t.Fatal(err)
	}
}

// set writes the column of the damaged row.
func (l damagedLog) set(t *testing.T, d damage, value any) {
	t.Helper()
	at := d.at
	if moved, ok := d.bad.(int64); ok && value == d.good {
		at = moved
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	query := "UPDATE " + l.schema + d.table + " SET " + d.column + " = " + l.bind(1) + " WHERE position = " + l.bind(2)
	result, err := l.db.ExecContext(ctx, query, value, at)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%s: %d rows, %v", query, n, err)
	}
}
