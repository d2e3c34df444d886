package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/readmodel"
)

// TestAuditOfManyCampaigns watches the audit of many campaigns of 20 events each, with no other
// load: its pace, the part of a core that it takes, in the database too, and how long a wrong
// row stays. JANGBU_TEST_AUDIT says how long each part is watched, as in 2m, of 10,000
// campaigns, and then nothing else should run; without it there are 100, and no part is judged.
func TestAuditOfManyCampaigns(t *testing.T) {
	campaigns, bounds := 10_000, []time.Duration{24 * time.Hour, time.Hour}
	watched, err := time.ParseDuration(os.Getenv("JANGBU_TEST_AUDIT"))
	long := err == nil
	if !long {
		t.Parallel()
		campaigns, watched, bounds = 100, time.Second, []time.Duration{time.Minute}
	}
	const each = 20
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at, environment, database := stores.Config{DataDir: dir}, []string(nil), func() map[int]int64 { return nil }
			spoil := func(c string) {
				db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rows.db")+"?_pragma=busy_timeout(10000)")
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = db.Close() }()
				if _, err := db.ExecContext(t.Context(), `UPDATE event_stats SET participants = participants + 1 WHERE campaign = ?1`, c); err != nil {
					t.Fatal(err)
				}
			}
			if name == "postgres" {
				environment = postgresEnvironment(t)
				_, url, _ := strings.Cut(environment[0], "=")
				at.DatabaseURL = url
				conn, err := pgx.Connect(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close(t.Context()) }()
				database = func() map[int]int64 { return backends(t, conn) }
				spoil = func(c string) {
					if _, err := conn.Exec(t.Context(), `UPDATE jangbu_rows.event_stats SET participants = participants + 1 WHERE campaign = $1`, c); err != nil {
						t.Fatal(err)
					}
				}
			}
			fillCampaigns(t, at, campaigns, each)
			// watch returns the part of a core that the program and the database take.
			watch := func(p *program) float64 {
				start, before, beforeThere := time.Now(), ticks(t, p.cmd.Process.Pid), database()
				<-time.After(watched)
				used := ticks(t, p.cmd.Process.Pid) - before
				for pid, now := range database() {
					used += now - beforeThere[pid]
				}
				const perSecond = 100 // ticks; Linux has no other number here
				return float64(used) / perSecond / time.Since(start).Seconds()
			}
			run := func(within time.Duration) *program {
				p := startProgram(t, dir, append(slices.Clone(environment), "JANGBU_AUDIT_WITHIN="+within.String()))
				p.settled(t, events.Totals{Head: events.Position(campaigns * each)}, 5*time.Minute)
				return p
			}
			settle := run(10_000 * time.Hour) // the rows are folded
			settle.stop(t)

			idle := run(10_000 * time.Hour)
			without := watch(idle)
			idle.stop(t)
			for _, within := range bounds {
				p := run(within)
				before := p.metric(t, "jangbu_audit_round_campaigns")
				took := watch(p) - without
				looked := p.metric(t, "jangbu_audit_round_campaigns") - before
				due := float64(watched) / (float64(within) / 2 * 0.9 / float64(campaigns))
				t.Logf("within %v: %d campaigns in %v, due are %.0f, for %.2f %% of a core (%.2f %% without)", within, looked, watched, due, 100*took, 100*without)
				if long && took > 0.03 {
					t.Errorf("the audit takes %.1f %% of a core", 100*took)
				}
				if within == 24*time.Hour && float64(looked) < 0.9*due-2 { // for an hour its share may be too little
					t.Errorf("%d campaigns are looked at in %v, due are %.0f", looked, watched, due)
				}
				if within == bounds[len(bounds)-1] {
					next := p.metric(t, "jangbu_audit_round_campaigns")
					ahead := campaigns / 100
					c := events.Campaign(manyCampaigns((2*campaigns - 1 - int(next) - ahead) % campaigns))
					spoil(string(c))
					wrong := time.Now()
					op := healOf(t, at, c)
					t.Logf("a wrong row, %d campaigns before its turn: found after %v, right %v later", ahead, op.AskedAt.Sub(wrong).Round(time.Millisecond), op.EndedAt.Sub(op.AskedAt).Round(time.Millisecond))
					if op.EndedAt.Sub(op.AskedAt) > time.Minute {
						t.Errorf("right %v after it was found", op.EndedAt.Sub(op.AskedAt))
					}
				}
				p.stop(t)
			}
		})
	}
}

func manyCampaigns(i int) string { return fmt.Sprintf("evt-%05d", i) }

// fillCampaigns appends events to a new log, those of all campaigns in turn.
func fillCampaigns(t *testing.T, at stores.Config, campaigns, each int) {
	t.Helper()
	log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeLog() }()
	drafts := make([]events.Draft, 0, campaigns)
	for n := range each {
		drafts = drafts[:0]
		for i := range campaigns {
			id := manyCampaigns(i)
			typ, value := events.TypeParticipantRegistered, fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","gender":"F"}`, n, id, n)
			switch n {
			case 0:
				typ, value = events.TypeEventCreated, fmt.Sprintf(`{"eventId":%q,"storeId":"store-%d","title":"t","objective":"o"}`, id, i%100)
			case 1:
				typ, value = events.TypeDistributionCompleted, fmt.Sprintf(`{"eventId":%q,"distributedChannels":["kakao"],"completedAt":"2026-03-02T10:00:00+09:00"}`, id)
			}
			r := record("", id, value)
			decoded, err := events.Decode(typ, r, r.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			drafts = append(drafts, decoded.Draft)
		}
		for some := range slices.Chunk(drafts, 5_000) {
			if _, err := log.Append(t.Context(), some); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// healOf waits for the end of the campaign's heal.
func healOf(t *testing.T, at stores.Config, c events.Campaign) (op readmodel.Operation) {
	t.Helper()
	rows, closeRows, err := at.OpenRows(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeRows() }()
	waitFor(t, 10*time.Minute, func() string {
		heals, err := rows.Heals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if heals.Last == nil || heals.Last.Campaign != c || heals.Last.State != readmodel.Done {
			return fmt.Sprintf("not healed: %+v", heals)
		}
		op = *heals.Last
		return ""
	})
	return op
}

// ticks returns the processor time of a process.
func ticks(t *testing.T, pid int) int64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var all int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all += n
	}
	return all
}

// backends returns the processor time of each session of the database, which runs here.
func backends(t *testing.T, conn *pgx.Conn) map[int]int64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database()`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[int]int64)
	for _, pid := range pids {
		all[pid] = ticks(t, pid)
	}
	return all
}
