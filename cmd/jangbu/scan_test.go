package main

import (
	"bytes"
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

// personalID is what an earlier release took for the id of a campaign, and of its shop.
const personalID = "010-8888-7777"

// ofPersonalID returns the drafts that an earlier release made of the campaign that has a phone
// number for its id: of its description, of three registrations of one person, of a distribution
// and a report, and of a withdrawal of the last registration.
func ofPersonalID(t *testing.T, keeper *privacy.Keeper, after events.Position) (all []events.Draft) {
	t.Helper()
	pseudonyms, _, err := keeper.Pseudonyms(t.Context(), []privacy.Request{{Campaign: personalID, Phone: "+821099998888"}})
	if err != nil {
		t.Fatal(err)
	}
	add := func(typ events.Type, value string, change func(events.Event)) {
		d := storedEarlier(t, typ, value, change)
		now, _ := events.Upgrade(events.Recorded{ID: d.ID, Digest: d.Digest, Event: d.Event}) // the identity is that of the campaign
		d.ID = now.ID
		all = append(all, d)
	}
	add(events.TypeEventCreated, `{"eventId":"evt-1","storeId":"shop-1","title":"t","objective":"o","prizeCost":1000}`, func(e events.Event) {
		e.(*events.EventCreated).Campaign, e.(*events.EventCreated).Shop = personalID, personalID
	})
	for n := range 3 {
		add(events.TypeParticipantRegistered, fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-9999-8888","channel":"naver"}`, n), func(e events.Event) {
			e.(*events.ParticipantRegistered).Campaign, e.(*events.ParticipantRegistered).Pseudonym = personalID, pseudonyms[0]
		})
	}
	add(events.TypeDistributionCompleted, `{"eventId":"evt-1","distributedChannels":["naver"],"completedAt":"2026-11-20T10:00:00+09:00"}`, func(e events.Event) {
		e.(*events.DistributionCompleted).Campaign = personalID
	})
	add(events.TypeChannelStatsFetched, `{"eventId":"evt-1","channel":"naver","fetchedAt":"2026-11-20T11:00:00+09:00","views":70}`, func(e events.Event) {
		e.(*events.ChannelStatsFetched).Campaign = personalID
	})
	w, err := events.NewWithdrawal(events.EventsWithdrawn{Campaign: personalID, Positions: []events.Position{after + 4}, Who: "kim@shop-1.kr", Why: "w"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w.Event.(*events.EventsWithdrawn).Why = "asked by 010-8888-7777"
	w.Digest = events.DigestOf(w.Event)
	return append(all, w)
}

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
// log, rows and keys, in no table and index, in no cache and in no export; no total changes, the
// chain verifies, and a record that is delivered again is a duplicate (I4, I10). A campaign that
// has a number for its id gets another one everywhere, and keeps its key.
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
		keeper, _, closeKeys, err := (stores.KeyConfig{MasterKeyFile: key}).OpenKeeper(t.Context(), log, &at, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = closeKeys() })
		earlier = append(earlier, ofPersonalID(t, keeper, 201)...)
		if _, err := log.Append(t.Context(), earlier); err != nil {
			t.Fatal(err)
		}
		letter := events.DeadLetter{Topic: "t", Timestamp: time.UnixMicro(1).UTC(), Reason: events.ReasonMalformed, Detail: "participantId: 010-8888-7777"}
		if letter.ID, letter.Sealed, err = keeper.Seal(record("t", "k", "v")); err != nil {
			t.Fatal(err)
		}
		if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter}); err != nil {
			t.Fatal(err)
		}
		p.settled(t, events.Totals{Head: 208, DeadLettered: 1}, time.Minute)
		flags := given("--data-dir", at.DataDir, "--database-url", database)
		run := func(args ...string) {
			t.Helper()
			if text, complaint, code := command(t, append(args, flags...)...); code != cli.ExitDone {
				t.Fatalf("%v exits with %d: %s%s", args, code, text, complaint)
			}
		}
		run("projections", "rebuild", "--all") // keeps the generation of before to roll back to
		run("projections", "reset", "--all", "--campaign", personalID)
		before, beforeOther := p.dashboard(t, "evt-1"), p.dashboard(t, personalID)
		if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: personalID, Positions: []events.Position{204}, Who: "kim 010-8888-7777", Why: "asked by 01088887777"}); err != nil {
			t.Fatal(err)
		}
		if err := log.Accesses().Add(t.Context(), events.Access{Command: "privacy erase", Subject: `a person in campaign "010-8888-7777"`, Who: "kim@shop-1.kr", Why: "asked by 010-8888-7777"}); err != nil {
			t.Fatal(err)
		}
		search := func() []string {
			t.Helper()
			redis.FastForward(5*time.Minute + time.Second) // its keys name campaigns
			return slices.Concat(who.inFiles(t, &at), who.inDatabase(t, database), who.inRedis(redis), who.inExports(t, &at))
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
			args := slices.Concat([]string{"privacy", "scan", "--json", "--yes", "--master-key-file", key}, flags, more)
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
		is := func(in, field string, n int64) found { return found{in, field, "a phone number", n, n} }
		want := []found{
			is("accesses", "subject", 1), is("accesses", "why", 1), is("deadLetters", "detail", 1),
			is("erasures", "campaign", 1), is("erasures", "who", 1), is("erasures", "why", 1), is("keys", "campaign", 1),
			is("log", "eventId", 1), is("log", "eventId", 1), is("log", "eventId", 1), is("log", "storeId", 1), is("log", "title", 1), is("log", "eventId", 1), is("log", "why", 1),
			is("log", "channel", 1), is("log", "eventId", 3), is("log", "participantId", 1), is("log", "region", 1),
			is("operations", "campaign", 1),
			is("rows", "campaign", 1), is("rows", "campaign", 1), is("rows", "store", 1), is("rows", "title", 1), is("rows", "campaign", 1), is("rows", "campaign", 1),
		}
		const all = 27
		if out := scan(cli.ExitCheckFailed); !slices.Equal(out.Found, want) || out.Events != 208 || out.Left != all || out.Overwritten != 0 {
			t.Errorf("found %+v, want %+v", out, want)
		}
		for i := range want {
			want[i].Left = 0
		}
		erase := []string{"--erase", "--why", "the audit"}
		if out := scan(cli.ExitDone, erase...); !slices.Equal(out.Found, want) || out.Overwritten != 11 || out.Left != 0 {
			t.Errorf("overwritten %+v, want %+v", out, want)
		}
		for range 2 {
			if out := scan(cli.ExitDone); len(out.Found) > 0 || out.Overwritten != 0 {
				t.Errorf("found again: %+v", out)
			}
			scan(cli.ExitDone, erase...) // once more
		}
		name, err := keeper.Namer()
		if err != nil {
			t.Fatal(err)
		}
		named := name(personalID)
		recorded := func(c events.Campaign, n int, at []events.Position) {
			t.Helper()
			records, err := log.Erasures().List(t.Context(), c)
			if err != nil || len(records) != n || !slices.Equal(records[n-1].Positions, at) || records[n-1].Why != "the audit" {
				t.Errorf("recorded of %q %+v, %v", c, records, err)
			}
		}
		recorded("evt-1", 1, []events.Position{1, 19, 20, 21})
		recorded(events.Campaign(named), 2, []events.Position{202, 203, 204, 205, 206, 207, 208})
		if d, err := log.DeadLetters().Get(t.Context(), letter.ID); err != nil || d.Detail != "participantId: ***" || !bytes.Equal(d.Sealed, letter.Sealed) {
			t.Errorf("the letter is %+v, %v", d, err)
		}
		check := func() { t.Helper(); forgotten(t, search, flags...) }
		check()
		after, afterOther := p.dashboard(t, "evt-1"), p.dashboard(t, named)
		if after.Summary != before.Summary || afterOther.Summary != beforeOther.Summary {
			t.Errorf("totals are %+v and %+v, were %+v and %+v", after.Summary, afterOther.Summary, before.Summary, beforeOther.Summary)
		}
		run("privacy", "erase", "--campaign", named, "--phone", "010-9999-8888", "--why", "asked", "--yes", "--master-key-file", key) // the key went with it
		p.produce(t, record("participant-registered", "evt-1", registration(18, referred)), record("participant-registered", "evt-1", registration(0, "naver")),
			record("participant-registered", "evt-1", registration(18, "kakao")), record("event-created", personalID, `{"eventId":"010-8888-7777","storeId":"shop-1","title":"t","objective":"o"}`))
		p.settled(t, events.Totals{Head: 208, Duplicates: 2, DeadLettered: 3}, time.Minute)
		check()
	})
}
