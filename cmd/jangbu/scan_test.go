package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

// storedEarlier returns the draft that an earlier release made of the record: with its texts as
// they came. change sets them.
func storedEarlier(t *testing.T, typ events.Type, value string, change func(events.Event)) events.Draft {
	t.Helper()
	r := record("t", "evt-1", value)
	r.Timestamp = time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)
	d, err := events.Decode(typ, r, r.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	change(d.Event)
	d.Digest = events.DigestOf(d.Event)
	return d.Draft
}

// TestScanOverwritesWhatEarlierReleasesStored has a log hold what earlier releases stored: it is
// found, by field and without the value, and overwritten while a service runs: it is in no file of
// log and rows, in no cache and in no export; no total changes, the chain verifies, and a record
// that is delivered again is a duplicate (I4, I10).
func TestScanOverwritesWhatEarlierReleasesStored(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, database string) {
		at := stores.Config{DataDir: t.TempDir(), DatabaseURL: database}
		redis := miniredis.RunT(t)
		key := filepath.Join(at.DataDir, "master.key")
		if _, err := privacy.CreateMasterKey(key); err != nil {
			t.Fatal(err)
		}
		p := runProgram(t, at.DataDir, "JANGBU_DATABASE_URL="+database, "JANGBU_MASTER_KEY_FILE="+key, "JANGBU_REDIS_URL=redis://"+redis.Addr())
		who := &erasable{phone: "010-8888-7777", pseudonym: events.Pseudonym{1, 2, 3}}
		log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closeLog() })

		registration := func(n int, channel string) string {
			return fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-2222-%04d","registeredAt":"2026-11-20T10:00:00+09:00","channel":%q,"newCustomer":true,"region":"서울"}`, n, n, channel)
		}
		const referred = "추천인 010-8888-7777"
		earlier := []events.Draft{
			storedEarlier(t, events.TypeEventCreated, `{"eventId":"evt-1","storeId":"shop-1","title":"t","objective":"o","prizeCost":1000}`, func(e events.Event) {
				e.(*events.EventCreated).Title, e.(*events.EventCreated).Objective = "문의 010-8888-7777", "전화 02-345-6789"
			}),
		}
		for n := range 200 {
			earlier = append(earlier, storedEarlier(t, events.TypeParticipantRegistered, registration(n, "naver"), func(e events.Event) {
				r := e.(*events.ParticipantRegistered)
				switch n {
				case 17:
					r.Participant = "p-010-8888-7777"
				case 18:
					r.Channel = referred
				case 19:
					r.Region = "서울 강남구 01088887777"
				}
			}))
		}
		if _, err := log.Append(t.Context(), earlier); err != nil {
			t.Fatal(err)
		}
		p.settled(t, events.Totals{Head: 201}, time.Minute)
		before := p.dashboard(t, "evt-1")
		search := func() []string {
			t.Helper()
			hits := slices.Concat(who.inFiles(t, &at), who.inDatabase(t, database), who.inRedis(redis), who.inExports(t, &at))
			// What a row was before is in the free space of its file until that is used again.
			return slices.DeleteFunc(hits, func(s string) bool {
				return strings.HasPrefix(s, "rows.db-wal") || strings.HasPrefix(s, "event_stats:")
			})
		}
		if hits := search(); len(hits) < 4 {
			t.Fatalf("the number is found in %q alone: this test looks at the wrong places", hits)
		}

		type found struct {
			In, Field, Holds string
			Count, Left      int64
		}
		scan := func(code int, more ...string) (out struct {
			Found             []found
			Events            int64
			Overwritten, Left int64
		},
		) {
			t.Helper()
			args := slices.Concat([]string{"privacy", "scan", "--json", "--data-dir", at.DataDir, "--database-url", database}, more)
			text, complaint, got := command(t, args...)
			if got != code {
				t.Fatalf("scan %v exits with %d, want %d: %s%s", more, got, code, text, complaint)
			}
			if err := checkJSON("privacy-scan", []byte(text)); err != nil {
				t.Error(err)
			}
			if err := json.Unmarshal([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
			if hits := who.found([]byte(text + complaint)); len(hits) > 0 || strings.Contains(text+complaint, "8888") {
				t.Errorf("the command prints %v", hits)
			}
			return out
		}
		want := []found{
			{"log", "title", "a phone number", 1, 1},
			{"log", "channel", "a phone number", 1, 1},
			{"log", "participantId", "a phone number", 1, 1},
			{"log", "region", "a phone number", 1, 1},
			{"rows", "title", "a phone number", 1, 1},
		}
		if out := scan(cli.ExitCheckFailed); !slices.Equal(out.Found, want) || out.Events != 201 || out.Left != 5 || out.Overwritten != 0 {
			t.Errorf("found %+v, want %+v", out, want)
		}
		for i := range want {
			want[i].Left = 0
		}
		erase := []string{"--erase", "--why", "the audit"}
		if out := scan(cli.ExitDone, erase...); !slices.Equal(out.Found, want) || out.Overwritten != 4 || out.Left != 0 {
			t.Errorf("overwritten %+v, want %+v", out, want)
		}
		for range 2 {
			if out := scan(cli.ExitDone); len(out.Found) > 0 || out.Overwritten != 0 {
				t.Errorf("found again: %+v", out)
			}
			scan(cli.ExitDone, erase...) // once more
		}
		records, err := log.Erasures().List(t.Context(), "evt-1")
		if err != nil || len(records) != 1 || !slices.Equal(records[0].Positions, []events.Position{1, 19, 20, 21}) || records[0].Why != "the audit" {
			t.Errorf("recorded %+v, %v", records, err)
		}
		check := func() { t.Helper(); forgotten(t, search, "--data-dir", at.DataDir, "--database-url", database) }
		check()
		after := p.dashboard(t, "evt-1")
		if after.Summary != before.Summary {
			t.Errorf("totals are %+v, were %+v", after.Summary, before.Summary)
		}
		p.produce(t, record("participant-registered", "evt-1", registration(18, referred)), record("participant-registered", "evt-1", registration(0, "naver")),
			record("participant-registered", "evt-1", registration(18, "kakao")))
		p.settled(t, events.Totals{Head: 201, Duplicates: 2, DeadLettered: 1}, time.Minute)
		check()
	})
}
