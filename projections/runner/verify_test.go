package runner_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// TestVerifyNamesWhatDiffers changes rows by hand, one change after another, and undoes
// each. The first campaign of the log is the one that is changed.
func TestVerifyNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		first, err := b.log.Read(t.Context(), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := first[0].Event.Subject()
		of := fmt.Sprintf(" WHERE campaign = '%s'", c)
		table := func(name string) string { return b.prefix + name }

		v := b.verify(t)
		if v.First != nil || v.Diverging != 0 || v.Campaigns != 7 || v.Events != int64(b.head) || v.Head != b.head || v.Lowest != b.head {
			t.Fatalf("clean rows: %+v, %v; head %d", v, v.First, b.head)
		}
		for _, tc := range []struct {
			do, undo string
			want     replay.Divergence
		}{
			{
				"UPDATE " + table("event_stats") + " SET participants = participants + 1" + of,
				"UPDATE " + table("event_stats") + " SET participants = participants - 1" + of,
				replay.Divergence{Difference: readmodel.Difference{Table: "event_stats", Field: "Participants"}},
			},
			{
				"UPDATE " + table("event_stats") + " SET title = title || '!'" + of,
				"UPDATE " + table("event_stats") + " SET title = substr(title, 1, length(title) - 1)" + of,
				replay.Divergence{Difference: readmodel.Difference{Table: "event_stats", Field: "Title"}},
			},
			{
				"UPDATE " + table("event_stats") + " SET prize_cost_won = prize_cost_won + 1" + of,
				"UPDATE " + table("event_stats") + " SET prize_cost_won = prize_cost_won - 1" + of,
				replay.Divergence{Difference: readmodel.Difference{Table: "event_stats", Field: "PrizeCost"}},
			},
			{
				"UPDATE " + table("channel_stats") + " SET cost_won = cost_won + 1" + of + " AND channel = 'genietv'",
				"UPDATE " + table("channel_stats") + " SET cost_won = cost_won - 1" + of + " AND channel = 'genietv'",
				replay.Divergence{Difference: readmodel.Difference{Table: "channel_stats", Key: "genietv", Field: "Cost"}},
			},
			{
				"UPDATE " + table("channel_stats") + " SET impressions = impressions + 1" + of + " AND channel = 'genietv'",
				"UPDATE " + table("channel_stats") + " SET impressions = impressions - 1" + of + " AND channel = 'genietv'",
				replay.Divergence{Difference: readmodel.Difference{Table: "channel_stats", Key: "genietv", Field: "Impressions.Value"}},
			},
			{
				"UPDATE " + table("participation_hourly") + " SET participants = participants + 1" + of,
				"UPDATE " + table("participation_hourly") + " SET participants = participants - 1" + of,
				replay.Divergence{Difference: readmodel.Difference{Table: "participation_hourly", Field: "Participants"}},
			},
			{
				"UPDATE " + table("participant_profile") + " SET gender = age_group, age_group = gender" + of,
				"UPDATE " + table("participant_profile") + " SET gender = age_group, age_group = gender" + of,
				replay.Divergence{Difference: readmodel.Difference{Table: "participant_profile", Field: "Gender"}},
			},
			{
				"INSERT INTO " + table("participant_profile") + ` (generation, campaign, gender, age_group, region, customer) VALUES (1, 'evt-moon', '{}', '{}', '{"달":1}', '{}')`,
				"DELETE FROM " + table("participant_profile") + " WHERE campaign = 'evt-moon'",
				replay.Divergence{Campaign: "evt-moon", Difference: readmodel.Difference{Table: "participant_profile", Served: "a row", Folded: "no row"}},
			},
			{
				"INSERT INTO " + table("channel_stats") + " (generation, campaign, channel, cost_won, participants) VALUES (1, 'a ghost', 'naver', 0, 1)",
				"DELETE FROM " + table("channel_stats") + " WHERE campaign = 'a ghost'",
				replay.Divergence{Campaign: "a ghost", Difference: readmodel.Difference{Table: "channel_stats", Key: "naver", Served: "a row", Folded: "no row"}},
			},
			{ // not undone
				"DELETE FROM " + table("participant_profile") + of, "",
				replay.Divergence{Difference: readmodel.Difference{Table: "participant_profile", Served: "no row", Folded: "a row"}},
			},
			{
				"DELETE FROM " + table("event_stats") + of, "",
				replay.Divergence{Difference: readmodel.Difference{Table: "event_stats", Served: "no row", Folded: "a row"}},
			},
		} {
			if b.exec(t, tc.do) == 0 {
				t.Fatalf("%s: changed nothing", tc.do)
			}
			if tc.want.Campaign == "" {
				tc.want.Campaign = c
			}
			v := b.verify(t)
			one := b.config()
			one.Campaigns = []events.Campaign{tc.want.Campaign}
			for how, got := range map[string]replay.Verified{"all": v, "one": verify(t, one)} {
				if got.Diverging != 1 || got.First == nil {
					t.Fatalf("after %s, of %s: %+v; want 1 divergence", tc.do, how, got)
				}
				d := *got.First
				if d.Campaign != tc.want.Campaign || d.Table != tc.want.Table || d.Field != tc.want.Field || d.Position != b.head ||
					tc.want.Key != "" && d.Key != tc.want.Key || tc.want.Served != "" && (d.Served != tc.want.Served || d.Folded != tc.want.Folded) || d.Served == d.Folded {
					t.Errorf("after %s, of %s: %s; want %s", tc.do, how, &d, &tc.want)
				}
			}
			if tc.undo != "" {
				b.exec(t, tc.undo)
				if v := b.verify(t); v.First != nil {
					t.Fatalf("after %s: %s", tc.undo, v.First)
				}
			}
		}
	})
}

// TestVerifyFindsWhatIsNotOfTheLog: rows of campaigns that the log does not know are found wherever
// they are among the others, each once, and told in the order of the campaigns.
func TestVerifyFindsWhatIsNotOfTheLog(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		read, err := b.log.Read(t.Context(), 0, 1_000)
		if err != nil {
			t.Fatal(err)
		}
		var known []events.Campaign
		for _, e := range read {
			known = append(known, e.Event.Subject())
		}
		slices.Sort(known)
		known = slices.Compact(known)
		want := slices.Clone(known[:1]) // the first one, whose row is changed
		b.exec(t, "UPDATE "+b.prefix+"event_stats SET participants = participants + 1 WHERE campaign = '"+string(known[0])+"'")
		for _, c := range []events.Campaign{"a ghost", "a spirit", known[0] + " ghost", known[0] + " spirit", known[3] + " ghost", "힣 ghost"} {
			want = append(want, c)
			b.exec(t, "INSERT INTO "+b.prefix+"channel_stats (generation, campaign, channel, participants) VALUES (1, '"+string(c)+"', 'naver', 1)")
			b.exec(t, "INSERT INTO "+b.prefix+"participant_profile (generation, campaign, gender, age_group, region, customer) VALUES (1, '"+string(c)+"', '{}', '{}', '{}', '{}')")
		}
		slices.Sort(want)
		var told []events.Campaign
		compared, of := 0, 0
		cfg := b.config()
		cfg.Each = func(d *replay.Divergence) { told = append(told, d.Campaign) }
		cfg.Compared = func(n, all int) { compared, of = n, all }
		v := verify(t, cfg)
		if v.Differences != 13 || v.Diverging != 7 || v.Campaigns != len(known)+6 || compared != v.Campaigns || of != v.Campaigns || v.First.Campaign != want[0] {
			t.Errorf("%+v, first %v, compared %d of %d", v, v.First, compared, of)
		}
		if told = slices.Compact(told); !slices.Equal(told, want) {
			t.Errorf("told of %q, want %q", told, want)
		}
	})
}

// TestVerifyUnknownAmount: a field that has no value where it should have one, and the
// reverse.
func TestVerifyUnknownAmount(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	b.exec(t, "UPDATE event_stats SET starts_at = NULL WHERE starts_at IS NOT NULL")
	v := b.verify(t)
	if v.First == nil || v.Diverging != 7 || v.First.Field != "StartsAt" || v.First.Served != "nothing" || !strings.HasPrefix(v.First.Folded, "2026-") {
		t.Errorf("verified %+v, %v; want StartsAt of 7 campaigns", v, v.First)
	}
}

// TestVerifyWhatIsNotFoldedYet: rows that are behind are no divergence, even where one
// table is further than another, nor are campaigns without any row. A projection of which
// nothing is served is one.
func TestVerifyWhatIsNotFoldedYet(t *testing.T) {
	t.Parallel()
	log, rows := openLog(t), openRows(t)
	cfg := replay.VerifyConfig{Log: log, Rows: rows, Projections: projections.All()}
	if v, err := replay.Verify(t.Context(), cfg); !errors.Is(err, replay.ErrNothing) {
		t.Errorf("nothing there: %+v, %v; want ErrNothing", v, err)
	}
	all := drafts(t, 12, 300)
	head := appendAll(t, log, all[:200], 200)
	if v := verify(t, cfg); v.First == nil || v.Differences != 4 || v.Campaigns != 0 {
		t.Errorf("nothing folded: %+v, %v", v, v.First)
	}
	r, stop := start(t, log, rows, "first", 50, projections.All()[1:])
	waitFor(t, r, head)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	after := appendAll(t, log, all[200:], 50)
	want := replay.Divergence{Difference: readmodel.Difference{Table: projections.All()[0].Name(), Served: "no generation", Folded: fmt.Sprintf("log that ends at %d", after)}}
	if v := verify(t, cfg); v.First == nil || *v.First != want || v.Differences != 1 || v.Campaigns != 7 || v.Diverging != 0 {
		t.Errorf("one projection not served: %+v, %v", v, v.First)
	}
	cfg.Projections = cfg.Projections[1:]
	if v := verify(t, cfg); v.First != nil || v.Campaigns != 7 || v.Lowest != head || v.Head != after {
		t.Errorf("the others behind: %+v, %v", v, v.First)
	}
}

// TestVerifyStartsFromTheLog: what is lost as a whole differs as well, and all that differs is
// told.
func TestVerifyStartsFromTheLog(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		clean := b.verify(t)
		if clean.First != nil || clean.Rows == 0 || clean.Links == 0 {
			t.Fatalf("clean: %+v, %v", clean, clean.First)
		}
		told := func(want int64) (all []replay.Divergence) {
			t.Helper()
			cfg := b.config()
			cfg.Each = func(d *replay.Divergence) { all = append(all, *d) }
			if v := verify(t, cfg); v.Differences != want || int64(len(all)) != want || v.First == nil || *v.First != all[0] {
				t.Fatalf("%+v, first %v, told of %d; want %d differences", v, v.First, len(all), want)
			}
			return all
		}
		b.exec(t, "DELETE FROM "+b.prefix+"participation_hourly")
		b.exec(t, "DELETE FROM "+b.prefix+"participant_profile")
		b.exec(t, "DELETE FROM "+b.prefix+"channel_stats")
		b.exec(t, "DELETE FROM "+b.prefix+"event_stats")
		for _, d := range told(clean.Rows) { // each row that was there
			if d.Served != "no row" || d.Folded != "a row" || d.Campaign == "" {
				t.Fatalf("emptied rows: %v", &d)
			}
		}
		for _, n := range []int{1, 3} {
			cfg := b.config()
			cfg.Sample = n
			if v := verify(t, cfg); v.Diverging != n || v.Campaigns != n {
				t.Errorf("a sample of %d of emptied rows: %+v", n, v)
			}
		}
		cfg := b.config()
		for c := range clean.Campaigns {
			all, err := b.log.Read(t.Context(), events.Position(c*20), 1)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Campaigns = append(cfg.Campaigns, all[0].Event.Subject())
		}
		distinct := len(slices.Compact(slices.Sorted(slices.Values(cfg.Campaigns))))
		if v := verify(t, cfg); v.Diverging != distinct || v.Campaigns != distinct {
			t.Errorf("%d campaigns of emptied rows: %+v", distinct, v)
		}
		b.exec(t, "DELETE FROM "+b.prefix+"projections")
		for _, d := range told(int64(len(projections.All()))) {
			if d.Served != "no generation" || d.Campaign != "" {
				t.Fatalf("lost catalogue: %v", &d)
			}
		}
	})
}

// TestVerifyFoldsTheRestAlone: campaigns beyond what is folded in memory are compared as well.
func TestVerifyFoldsTheRestAlone(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	all := b.verify(t)
	cfg := b.config()
	cfg.MaxRows = 20
	v := verify(t, cfg)
	if v.First != nil || v.Campaigns != all.Campaigns || v.Rows != all.Rows || v.Events <= all.Events {
		t.Errorf("%+v, %v; in memory %+v", v, v.First, all)
	}
	b.exec(t, "UPDATE event_stats SET participants = participants + 1")
	if v := verify(t, cfg); v.Diverging != all.Campaigns {
		t.Errorf("%+v; want all to differ", v)
	}
}

// TestVerifyCheckpoint: rows that are right for another checkpoint than their own are
// not right, and a checkpoint beyond the log is not of this log.
func TestVerifyCheckpoint(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	b.exec(t, fmt.Sprintf("UPDATE generations SET position = %d", b.head-50))
	if v := b.verify(t); v.First == nil || v.First.Position != b.head-50 {
		t.Errorf("checkpoints set back: %+v, %v", v, v.First)
	}
	b.exec(t, fmt.Sprintf("UPDATE generations SET position = %d", b.head))
	if v := b.verify(t); v.First != nil {
		t.Fatalf("checkpoints as they were: %v", v.First)
	}
	b.exec(t, "UPDATE generations SET position = position + 1 WHERE projection = 'participant_profile'")
	var told []replay.Divergence
	cfg := b.config()
	cfg.Each = func(d *replay.Divergence) { told = append(told, *d) }
	v := verify(t, cfg)
	want := replay.Divergence{Difference: readmodel.Difference{
		Table: "participant_profile", Position: b.head + 1,
		Served: fmt.Sprintf("checkpoint %d", b.head+1), Folded: fmt.Sprintf("log that ends at %d", b.head),
	}}
	if v.First == nil || *v.First != want {
		t.Errorf("checkpoint beyond the log: %+v, %v; want %v", v, v.First, &want)
	}
	if !slices.Equal(told, []replay.Divergence{want}) {
		t.Errorf("checkpoint beyond the log: told of %v; want %v", told, &want)
	}
}

// TestVerifyOneOrSome: one campaign costs its own stream and no more, a sample those
// of so many campaigns.
func TestVerifyOneOrSome(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	all, err := b.rows.Campaigns(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	read := int64(0)
	for _, c := range all {
		cfg := b.config()
		cfg.Campaigns = []events.Campaign{c}
		v := verify(t, cfg)
		if v.First != nil || v.Campaigns != 1 || v.Events == 0 {
			t.Errorf("%s: %+v, %v", c, v, v.First)
		}
		read += v.Events
	}
	if read != int64(b.head) {
		t.Errorf("the campaigns, one by one: read %d events of %d", read, b.head)
	}
	for _, n := range []int{1, 3, 7, 100} {
		cfg := b.config()
		cfg.Sample = n
		v := verify(t, cfg)
		if v.First != nil || v.Campaigns != min(n, 7) || len(v.Sampled) != v.Campaigns {
			t.Errorf("a sample of %d: %+v, %v", n, v, v.First)
		}
	}
	cfg := b.config()
	cfg.Campaigns = []events.Campaign{"unknown"}
	if v, err := replay.Verify(t.Context(), cfg); !errors.Is(err, readmodel.ErrNotFound) {
		t.Errorf("a campaign that is not there: %+v, %v; want ErrNotFound", v, err)
	}
	cfg.Sample = 1
	if _, err := replay.Verify(t.Context(), cfg); err == nil {
		t.Error("a campaign and a sample: no error")
	}
}

// TestVerifyCountsDeadLetters: the log has as many dead letters as its account says.
func TestVerifyCountsDeadLetters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log.db")
	log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	b := &verifyBundle{log: log, rows: openRows(t), head: appendAll(t, log, drafts(t, 11, 300), 100)}
	b.follow(t)
	letters := []events.DeadLetter{{ID: events.ID{1}, Reason: "test", Sealed: []byte{1}}, {ID: events.ID{2}, Reason: "test", Sealed: []byte{1}}}
	if err := log.DeadLetters().Bury(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	if _, err := log.DeadLetters().Discard(t.Context(), []events.ID{{1}}, events.Discarded{By: "test", Why: "test"}); err != nil {
		t.Fatal(err)
	}
	b.clean(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "DELETE FROM dead_letters WHERE id = X'01000000000000000000000000000000'"); err != nil {
		t.Fatal(err)
	}
	v, err := replay.Verify(t.Context(), b.config())
	if want := "the account has 2 dead letters, 1 of them discarded; the log has 1, 0 of them discarded"; !errors.Is(err, events.ErrCorrupt) || !strings.Contains(err.Error(), want) {
		t.Errorf("a dead letter is lost: %+v, %v", v, err)
	}
}

// TestVerifyVersion: rows of other folds cannot be compared with these.
func TestVerifyVersion(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	cfg := b.config()
	cfg.Projections[2].Version++
	if v, err := replay.Verify(t.Context(), cfg); !errors.Is(err, readmodel.ErrVersion) {
		t.Errorf("Verify: %+v, %v; want ErrVersion", v, err)
	}
}

// TestVerifyWhileFolding verifies again and again while events are appended and folded.
func TestVerifyWhileFolding(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	r, _ := start(t, b.log, b.rows, "process-2", 7, projections.All())
	appended := make(chan events.Position, 1)
	go func() {
		defer close(appended)
		head := b.head
		for all := drafts(t, 13, 1500); len(all) > 0; all = all[min(5, len(all)):] {
			receipt, err := b.log.Append(t.Context(), all[:min(5, len(all))])
			if err != nil {
				t.Errorf("append: %v", err)
				return
			}
			for _, o := range receipt.Outcomes {
				if o == events.Appended {
					head++
				}
			}
		}
		appended <- head
	}()
	for {
		v := b.verify(t)
		one := b.config()
		if campaigns, err := b.rows.Campaigns(t.Context(), "", 1); err != nil || len(campaigns) == 0 {
			t.Fatalf("Campaigns: %v, %v", campaigns, err)
		} else {
			one.Campaigns = campaigns
		}
		for _, got := range []replay.Verified{v, verify(t, one)} {
			if got.First != nil {
				t.Fatalf("while folding: %v", got.First)
			}
		}
		select {
		case head := <-appended:
			waitFor(t, r, head)
			if v := b.verify(t); v.First != nil || v.Head != head || v.Lowest != head {
				t.Errorf("in the end: %+v, %v; want all compared at %d", v, v.First, head)
			}
			return
		default:
		}
	}
}

// TestVerifyTellsHowFarItIs: each batch of the log, and then each campaign.
func TestVerifyTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	var folded []events.Position
	var compared []int
	cfg := b.config()
	cfg.Progress = func(at, to events.Position) {
		if to != b.head || len(compared) > 0 {
			t.Errorf("folded %d of %d after %d campaigns; the log ends at %d", at, to, len(compared), b.head)
		}
		folded = append(folded, at)
	}
	var all int
	cfg.Compared = func(n, of int) { compared, all = append(compared, n), of }
	v := verify(t, cfg)
	var wantFolded []events.Position
	for at := events.Position(cfg.Batch); at < b.head; at += events.Position(cfg.Batch) {
		wantFolded = append(wantFolded, at)
	}
	if wantFolded = append(wantFolded, b.head); !slices.Equal(folded, wantFolded) {
		t.Errorf("folded %d, want %d", folded, wantFolded)
	}
	if all != v.Campaigns || len(compared) != all || compared[0] != 1 || compared[all-1] != all {
		t.Errorf("compared %d of %d, want 1 to %d", compared, all, v.Campaigns)
	}
}
