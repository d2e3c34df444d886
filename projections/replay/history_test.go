package replay_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

// stream makes the events of a log that is restored, one after another.
type stream struct {
	log  events.Log
	head events.Position
	at   time.Time
}

func newStream(log events.Log) *stream {
	return &stream{log: log, at: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
}

// add adds facts, each recorded some time after the one before.
func (s *stream) add(t interface{ Fatal(...any) }, later time.Duration, facts ...events.Event) {
	recorded := make([]events.Recorded, len(facts))
	for i, fact := range facts {
		s.head++
		s.at = s.at.Add(later)
		r := events.Recorded{Position: s.head, Digest: events.DigestOf(fact), OccurredAt: s.at, RecordedAt: s.at, Event: fact}
		binary.BigEndian.PutUint64(r.ID[:], uint64(s.head))
		recorded[i] = r
	}
	if err := s.log.Restore(context.Background(), recorded, 0); err != nil {
		t.Fatal(err)
	}
}

// registered is a registration that differs from the others in all that is counted.
func registered(c events.Campaign, n int) events.Event {
	genders, ages, regions := []string{"female", "male", ""}, []string{"20s", "30s", "40s", ""}, []string{"서울", "부산", "제주", ""}
	channels := append(events.Channels(), "")
	return &events.ParticipantRegistered{
		Campaign: c, Participant: fmt.Sprint("p-", n), Channel: string(channels[n%len(channels)]), NewCustomer: new(n%3 == 0),
		Gender: genders[n%len(genders)], AgeGroup: ages[n%len(ages)], Region: regions[n%len(regions)],
	}
}

// sameAsReplay compares a look back with a replay.
func sameAsReplay(ctx context.Context, h *replay.History, log events.Log, c events.Campaign, asOf readmodel.Moment) error {
	cfg := replay.Config{Log: log, Projections: projections.All(), Campaign: c, Through: asOf.Position}
	if asOf.Position == 0 {
		cfg.AsOf = asOf.At
	}
	want, err := replay.Run(ctx, cfg)
	if err != nil {
		return err
	}
	rows, at, err := h.CampaignAsOf(ctx, c, asOf, readmodel.Everything())
	if want.Rows.Of(c).Campaign().Campaign == "" {
		if !errors.Is(err, readmodel.ErrNotFound) {
			return fmt.Errorf("%s as of %+v: %w, want %w", c, asOf, err, readmodel.ErrNotFound)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s as of %+v: %w", c, asOf, err)
	}
	if diff := cmp.Diff(want.Rows.Of(c).Tables, rows.Tables); diff != "" || !at.Equal(want.Moment) {
		return fmt.Errorf("%s as of %+v, which was %v, want %v (-replay +history):\n%s", c, asOf, at, want.Moment, diff)
	}
	return nil
}

// TestHistoryIsAReplay asks for moments of campaigns beside what is appended, withdrawn, moved
// and erased: each answer is that of a replay, whatever is kept.
func TestHistoryIsAReplay(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	s := newStream(log)
	of := make(map[events.Campaign][]events.Position)
	lasting := &replay.History{Log: log, Projections: projections.All(), Spacing: 4}
	campaigns := []events.Campaign{"evt-1", "evt-2", "evt-3"}
	rapid.Check(t, func(rt *rapid.T) {
		forgetful := &replay.History{
			Log: log, Projections: projections.All(),
			Spacing: rapid.IntRange(1, 9).Draw(rt, "spacing"), Bytes: rapid.IntRange(1, 20_000).Draw(rt, "bytes"),
		}
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			c := rapid.SampledFrom(campaigns).Draw(rt, "campaign")
			add := func(fact events.Event) {
				s.add(rt, time.Duration(rapid.IntRange(0, 2).Draw(rt, "later"))*20*time.Minute, fact)
				of[c] = append(of[c], s.head)
			}
			some := func() events.Position { return rapid.SampledFrom(of[c]).Draw(rt, "position") }
			switch step := rapid.SampledFrom([]string{"register", "register", "describe", "distribute", "report", "withdraw", "erase", "ask", "ask", "ask"}).Draw(rt, "step"); {
			case step == "register" || len(of[c]) == 0:
				for range rapid.IntRange(1, 12).Draw(rt, "registrations") {
					add(registered(c, int(s.head)))
				}
			case step == "describe":
				add(&events.EventCreated{Campaign: c, Shop: rapid.SampledFrom([]events.Shop{"a", "b"}).Draw(rt, "shop"), Title: fmt.Sprint("of ", s.head), PrizeCost: new(events.Won(s.head))})
			case step == "distribute":
				add(&events.DistributionCompleted{Campaign: c, CompletedAt: s.at, Channels: []events.Distribution{{Channel: events.Naver, Cost: new(events.Won(100))}, {Channel: events.Kakao}}})
			case step == "report":
				add(&events.ChannelStatsFetched{Campaign: c, Channel: events.Naver, FetchedAt: s.at, Views: new(int64(s.head))})
			case step == "withdraw":
				add(&events.EventsWithdrawn{Campaign: c, Positions: slices.Compact(slices.Sorted(slices.Values([]events.Position{some(), some()}))), Who: "me", Why: "wrong"})
			case step == "erase":
				_, err := log.Erasures().Erase(rt.Context(), events.Erasure{Campaign: c, Positions: []events.Position{some()}, Who: "me", Why: "asked"})
				if err != nil && !errors.Is(err, events.ErrNotErasable) {
					rt.Fatal(err)
				}
			case step == "ask":
				asOf := readmodel.Moment{Position: events.Position(rapid.Int64Range(1, int64(s.head)).Draw(rt, "as of"))}
				if rapid.Bool().Draw(rt, "by time") {
					asOf = readmodel.Moment{At: s.at.Add(-time.Duration(rapid.IntRange(-1, 2*int(s.head)).Draw(rt, "ago")) * 10 * time.Minute)}
				}
				for _, h := range []*replay.History{lasting, forgetful} {
					if err := sameAsReplay(rt.Context(), h, log, c, asOf); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
	})
}

// meter is a log that counts the events of streams that are read, and can be exchanged.
type meter struct {
	events.Log
	read atomic.Int64
}

func (m *meter) ReadStream(ctx context.Context, s events.Stream) ([]events.Recorded, error) {
	read, err := m.Log.ReadStream(ctx, s)
	m.read.Add(int64(len(read)))
	return read, err
}

// TestTheStreamIsFoldedOnce: twenty that ask at once, and those that ask later, fold a campaign's
// events once between them, but for those after a snapshot.
func TestTheStreamIsFoldedOnce(t *testing.T) {
	t.Parallel()
	const total, spacing, askers = 15_000, 500, 20
	log := &meter{Log: openLog(t)}
	crowd(t, newStream(log), total, 1)
	h := &replay.History{Log: log, Projections: projections.All(), Spacing: spacing}
	ask := func() int64 {
		before := log.read.Load()
		var asking errgroup.Group
		for i := range askers {
			asking.Go(func() error {
				asOf := readmodel.Moment{Position: events.Position(1 + 2*total*(i+1)/askers - 1)}
				rows, _, err := h.CampaignAsOf(t.Context(), "evt-1", asOf, readmodel.Everything())
				if err == nil && rows.Campaign().Participants != int64(asOf.Position/2) {
					err = fmt.Errorf("%d participants as of %d", rows.Campaign().Participants, asOf.Position)
				}
				return err
			})
		}
		if err := asking.Wait(); err != nil {
			t.Error(err)
		}
		return log.read.Load() - before
	}
	if read := ask(); read < total || read > total+2*askers*spacing {
		t.Errorf("at first %d events were read, want %d and at most %d of each", read, total, 2*spacing)
	}
	if read := ask(); read > askers*(spacing+1) {
		t.Errorf("later %d events were read, want at most %d of each", read, spacing)
	}
}

// TestAnotherHistory: a log that is exchanged, or went back, is asked anew.
func TestAnotherHistory(t *testing.T) {
	t.Parallel()
	first, second, short := openLog(t), openLog(t), openLog(t)
	for n, log := range []events.Log{first, second, short} {
		s := newStream(log)
		for i := range []int{60, 60, 20}[n] {
			s.add(t, time.Minute, registered("evt-1", i+n))
		}
	}
	log := &meter{Log: first}
	h := &replay.History{Log: log, Projections: projections.All(), Spacing: 5}
	for _, now := range []events.Log{first, second, first, short, first, openLog(t), second} {
		log.Log = now
		for _, at := range []events.Position{20, 7, 12} {
			totals, err := now.Totals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if at > totals.Head {
				if _, _, err := h.CampaignAsOf(t.Context(), "evt-1", readmodel.Moment{Position: at}, readmodel.Everything()); !errors.Is(err, readmodel.ErrFuture) {
					t.Errorf("beyond the end: %v", err)
				}
				continue
			}
			if err := sameAsReplay(t.Context(), h, now, "evt-1", readmodel.Moment{Position: at}); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestAnotherName: what is kept of a campaign whose events have another campaign's name by now, as
// its own was a person's number, is not answered.
func TestAnotherName(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	s := newStream(log)
	const before = events.Campaign("010-9876-5432")
	var all []events.Position
	for i := range 30 {
		s.add(t, time.Minute, registered(before, i))
		all = append(all, s.head)
	}
	h := &replay.History{Log: log, Projections: projections.All(), Spacing: 5}
	if err := sameAsReplay(t.Context(), h, log, before, readmodel.Moment{Position: 23}); err != nil {
		t.Fatal(err)
	}
	name := func(string) string { return "evt-renamed" }
	if _, err := log.Erasures().Redact(t.Context(), events.Erasure{Campaign: before, Positions: all, Who: "me", Why: "asked"}, name); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[events.Campaign]error{before: readmodel.ErrNotFound, "evt-renamed": nil} {
		if _, _, err := h.CampaignAsOf(t.Context(), c, readmodel.Moment{Position: 23}, readmodel.Everything()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", c, err, want)
		}
		if err := sameAsReplay(t.Context(), h, log, c, readmodel.Moment{Position: 23}); err != nil {
			t.Error(err)
		}
	}
}

// crowd adds a campaign of n registrations and, before each, one of each of so many others.
func crowd(t *testing.T, s *stream, n, others int) {
	t.Helper()
	var facts []events.Event
	for i := range n {
		for o := range others {
			facts = append(facts, registered(events.Campaign(fmt.Sprint("other-", o)), i))
		}
		facts = append(facts, registered("evt-1", i))
		if len(facts) >= 5_000 || i == n-1 {
			s.add(t, time.Second, facts...)
			facts = facts[:0]
		}
	}
}

// TestPastUnderLoad has twenty ask at once for fifty random moments of a campaign of 20,000 events,
// or JANGBU_TEST_PAST of them, beside another campaign (JANGBU_TEST_PAST_OTHERS). Each answer
// equals a replay. Each round begins as a process that has just started; with JANGBU_TEST_PAST each is judged.
func TestPastUnderLoad(t *testing.T) {
	const few = 20_000
	n, others := few, 1
	for name, to := range map[string]*int{"JANGBU_TEST_PAST": &n, "JANGBU_TEST_PAST_OTHERS": &others} {
		if s := os.Getenv(name); s != "" {
			var err error
			if *to, err = strconv.Atoi(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		rows, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), projections.Tables(projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rows.Close() })
		pastUnderLoad(t, openLog(t), rows, n, others, n > few)
	})
	t.Run("postgres", func(t *testing.T) {
		url := services.Database(t)
		log, err := pglog.Open(t.Context(), url, pglog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		rows, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(rows.Close)
		pastUnderLoad(t, log, rows, n, others, n > few)
	})
}

func pastUnderLoad(t *testing.T, log events.Log, rows readmodel.Store, n, others int, judged bool) {
	const (
		askers, moments = 20, 50
		within          = 300 * time.Millisecond
	)
	s := newStream(log)
	begun := time.Now()
	crowd(t, s, n, others)
	t.Logf("%d events in %v", s.head, time.Since(begun).Round(time.Millisecond))
	begun = time.Now()
	rebuild(t, log, rows)
	t.Logf("rebuilt in %v", time.Since(begun).Round(time.Millisecond))
	random := rand.New(rand.NewPCG(1, 2))
	asked := make([]readmodel.Moment, moments)
	for i := range asked {
		asked[i].Position = 1 + events.Position(random.Int64N(int64(s.head)))
		if i%2 == 0 {
			asked[i] = readmodel.Moment{At: s.at.Add(-time.Duration(random.Int64N(int64(s.head)) * int64(time.Second)))}
		}
	}
	var h *replay.History
	rounds := 1
	if judged {
		rounds = 2 // the second does not pay for what the databases read first
	}
	for round := range rounds {
		h = &replay.History{Log: log, Projections: projections.All(), Snapshots: rows}
		var (
			mu   sync.Mutex
			took []time.Duration
		)
		var asking errgroup.Group
		for range askers {
			order := random.Perm(moments)
			asking.Go(func() error {
				for _, i := range order {
					begun := time.Now()
					if _, _, err := h.CampaignAsOf(t.Context(), "evt-1", asked[i], readmodel.Everything()); err != nil {
						return err
					}
					mu.Lock()
					took = append(took, time.Since(begun))
					mu.Unlock()
				}
				return nil
			})
		}
		if err := asking.Wait(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(took)
		if p99 := took[len(took)*99/100]; judged && p99 > within {
			t.Errorf("round %d: p99 is %v, want at most %v", round+1, p99, within)
		}
		t.Logf("round %d: p50 %v, p99 %v, the last %v", round+1, took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond), took[len(took)-1].Round(time.Microsecond))
	}
	for _, asOf := range asked[:10] {
		if err := sameAsReplay(t.Context(), h, log, "evt-1", asOf); err != nil {
			t.Error(err)
		}
	}
}

// rebuild builds and activates generations with the rows and snapshots of the log, as a rebuild does.
func rebuild(t *testing.T, log events.Log, rows readmodel.Store) {
	t.Helper()
	wanted := make([]readmodel.Checkpoint, 0, 4)
	for _, p := range projections.All() {
		wanted = append(wanted, readmodel.Checkpoint{Projection: p.Name(), Version: p.Version})
	}
	if _, err := rows.Register(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	lease, ok, err := rows.Acquire(t.Context(), "projections", "the test", time.Hour)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	begun, err := rows.Begin(t.Context(), lease, wanted)
	if err != nil {
		t.Fatal(err)
	}
	var kept []readmodel.Snapshot
	got, err := replay.Run(t.Context(), replay.Config{
		Log: log, Projections: projections.All(), Snapshots: replay.NewSnapshots(projections.All(), 0),
		Keep: func(_ context.Context, some []readmodel.Snapshot) error { kept = append(kept, some...); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	got.Rows.Keep(kept...)
	advances := make([]readmodel.Advance, len(begun))
	for i := range begun {
		advances[i] = readmodel.Advance{Checkpoint: begun[i], To: got.Through, Link: got.Link}
	}
	if err := rows.Fill(t.Context(), lease, advances, got.Rows, func() {}); err != nil {
		t.Fatal(err)
	}
	for i := range begun {
		begun[i] = advances[i].Moved()
	}
	op, err := rows.Ask(t.Context(), readmodel.Operation{Kind: readmodel.Rebuild, Projections: names(projections.All()), Who: "the test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rows.Activate(t.Context(), lease, op.ID, begun); err != nil {
		t.Fatal(err)
	}
}

func names(ps []projections.Projection) []string {
	all := make([]string, len(ps))
	for i, p := range ps {
		all[i] = p.Name()
	}
	return all
}
