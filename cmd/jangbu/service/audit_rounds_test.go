package service

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// auditedLog is a log and rows to audit, and a clock that moves only where it is told to.
type auditedLog struct {
	log   events.Log
	rows  readmodel.Store
	dir   string
	clock time.Time
	said  lockedBuffer
	n     int // events appended
}

func newAuditedLog(t *testing.T) *auditedLog {
	t.Helper()
	a := &auditedLog{dir: t.TempDir(), clock: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)}
	cfg := stores.Config{DataDir: a.dir}
	log, closeLog, err := cfg.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeLog() })
	rows, closeRows, err := cfg.OpenRows(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeRows() })
	a.log, a.rows = log, rows
	return a
}

// append appends one event to each of the campaigns, in this order.
func (a *auditedLog) append(t *testing.T, campaigns ...events.Campaign) {
	t.Helper()
	var drafts []events.Draft
	for _, c := range campaigns {
		a.n++
		r := events.Record{Timestamp: a.clock, Value: fmt.Appendf(nil, `{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-5678"}`, a.n, c)}
		decoded, err := events.Decode(events.TypeParticipantRegistered, r, a.clock)
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, decoded.Draft)
	}
	for some := range slices.Chunk(drafts, 5_000) {
		if _, err := a.log.Append(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
}

// serve gives campaigns rows.
func (a *auditedLog) serve(t *testing.T, campaigns ...events.Campaign) {
	t.Helper()
	ps := projections.All()
	wanted := make([]readmodel.Checkpoint, len(ps))
	for i, p := range ps {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name(), Version: p.Version}
	}
	at, err := a.rows.Register(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	lease, ok, err := a.rows.Acquire(t.Context(), "projections", "the test", time.Hour)
	if err != nil || !ok {
		t.Fatalf("Acquire: %v, %v", ok, err)
	}
	rows := readmodel.NewRows(projections.Tables(ps)...)
	for _, c := range campaigns {
		rows.Campaign(c).Participants = 1
	}
	advances := make([]readmodel.Advance, len(at))
	for i := range at {
		advances[i] = readmodel.Advance{Checkpoint: at[i], To: at[i].Position + 1}
	}
	if _, err := a.rows.Commit(t.Context(), lease, advances, rows); err != nil {
		t.Fatal(err)
	}
}

// rounds returns the walk with that look, at the test's clock.
func (a *auditedLog) rounds(within time.Duration, look func(events.Campaign) time.Duration) *auditRounds {
	return &auditRounds{
		log: a.log, rows: a.rows, within: within, active: func() bool { return true },
		look:   func(_ context.Context, c events.Campaign) time.Duration { return look(c) },
		now:    func() time.Time { return a.clock },
		wait:   func(_ context.Context, d time.Duration) { a.clock = a.clock.Add(max(d, 0)) },
		logger: slog.New(slog.NewTextHandler(&a.said, nil)),
	}
}

// goOn takes steps, and the waits between them, until the condition holds.
func (a *auditedLog) goOn(t *testing.T, r *auditRounds, until func() bool) {
	t.Helper()
	end := a.clock.Add(10 * 24 * time.Hour)
	for steps := 0; !until(); steps++ {
		if steps == 20_000 || a.clock.After(end) {
			t.Fatalf("not in %d steps: %s", steps, &a.said)
		}
		r.wait(t.Context(), r.step(t.Context()))
	}
}

// TestAuditOrder: a round looks at every campaign once, the one that changed last first, and
// last at those that have rows and no event; the next round likewise.
func TestAuditOrder(t *testing.T) {
	t.Parallel()
	a := newAuditedLog(t)
	var old []events.Campaign // more than are read at a time
	for i := range auditPage + 500 {
		old = append(old, events.Campaign(fmt.Sprintf("old-%04d", i)))
	}
	a.append(t, old...)
	a.append(t, "b", "c", "a", "old-0007", "b", "이벤트")
	a.serve(t, "b", "stray-1", "stray-2", "old-0001")
	var looked []events.Campaign
	again := 2
	r := a.rounds(time.Hour, func(c events.Campaign) time.Duration {
		looked = append(looked, c)
		if c == "c" && again > 0 {
			again--
			return time.Second
		}
		return 0
	})
	want := []events.Campaign{"이벤트", "b", "old-0007", "a", "c", "c", "c"}
	for _, c := range slices.Backward(old) {
		if c != "old-0007" {
			want = append(want, c)
		}
	}
	want = append(want, "stray-1", "stray-2")
	a.goOn(t, r, func() bool { return len(looked) == len(want) })
	if d := cmp.Diff(want, looked); d != "" {
		t.Errorf("the first round (-want +got):\n%s", d)
	}
	looked = nil
	a.append(t, "stray-2", "new")
	want = []events.Campaign{"new", "stray-2", "이벤트", "b"}
	a.goOn(t, r, func() bool { return len(looked) == len(want) })
	if d := cmp.Diff(want, looked); d != "" {
		t.Errorf("the next round (-want +got):\n%s", d)
	}
}

// TestAuditWithin: with 10,000 campaigns that change in any order, no two looks at one are
// farther apart than was asked for, and no look comes much sooner than it must.
func TestAuditWithin(t *testing.T) {
	t.Parallel()
	const campaigns, within = 10_000, 24 * time.Hour
	a := newAuditedLog(t)
	random := rand.New(rand.NewPCG(7, 8))
	names := make([]events.Campaign, campaigns)
	for i := range names {
		names[i] = events.Campaign(fmt.Sprintf("evt-%05d", i))
	}
	shuffled := func() []events.Campaign {
		random.Shuffle(campaigns, func(i, j int) { names[i], names[j] = names[j], names[i] })
		return names
	}
	a.append(t, shuffled()...)
	a.serve(t, names...)
	last := make(map[events.Campaign]time.Time, campaigns)
	var longest, busy time.Duration
	looks := 0
	r := a.rounds(within, func(c events.Campaign) time.Duration {
		if was, ok := last[c]; ok {
			longest = max(longest, a.clock.Sub(was))
		}
		last[c] = a.clock
		a.clock = a.clock.Add(8 * time.Millisecond) // as long as it takes
		busy += 8 * time.Millisecond
		looks++
		return 0
	})
	start := a.clock
	for round := range 4 {
		a.goOn(t, r, func() bool { return looks >= (round+1)*campaigns })
		if round%2 == 0 {
			slices.Reverse(names) // the first ones of this round are the last ones of the next
			a.append(t, names...)
		} else {
			a.append(t, shuffled()...)
		}
	}
	took := a.clock.Sub(start)
	if longest > within || longest < within/2 {
		t.Errorf("the longest time between two looks at a campaign is %v, asked for are %v", longest, within)
	}
	if share := float64(busy) / float64(took); share > 0.03 {
		t.Errorf("looks take %.1f %% of the time", 100*share)
	}
	if a.said.String() != "" {
		t.Errorf("says %s", &a.said)
	}
	t.Logf("four rounds took %v, the longest time between two looks was %v", took, longest)
}

// TestAuditShare: where the campaigns cannot be looked at within the time in the audit's
// share of it, that share is kept, and what can be is said once a round.
func TestAuditShare(t *testing.T) {
	t.Parallel()
	const within = time.Hour
	a := newAuditedLog(t)
	var names []events.Campaign
	for i := range 500 {
		names = append(names, events.Campaign(fmt.Sprintf("evt-%d", i)))
	}
	a.append(t, names...)
	var busy time.Duration
	looks := 0
	r := a.rounds(within, func(events.Campaign) time.Duration {
		looks++
		a.clock = a.clock.Add(time.Second)
		busy += time.Second
		return 0
	})
	start := a.clock
	a.goOn(t, r, func() bool { return looks == 2*len(names) })
	r.wait(t.Context(), auditShare*time.Second) // what follows the last look
	took := a.clock.Sub(start)
	if share := float64(busy) / float64(took); share > 1.0/auditShare || share > 0.03 {
		t.Errorf("looks take %.2f %% of the time", 100*share)
	}
	lines := strings.Split(a.said.String(), "\n")
	if len(lines) != 2 {
		t.Errorf("says it %d times in two rounds:\n%s", len(lines), &a.said)
	}
	// 500 campaigns at 40 s each, twice.
	if last := lines[len(lines)-1]; !strings.Contains(last, "would-be=11h") {
		t.Errorf("says %s, want the time that two rounds take", last)
	}
}

// TestAuditGoesOn: neither a log that is empty nor events that cannot be read end the rounds.
func TestAuditGoesOn(t *testing.T) {
	t.Parallel()
	a := newAuditedLog(t)
	var looked []events.Campaign
	r := a.rounds(time.Hour, func(c events.Campaign) time.Duration { looked = append(looked, c); return 0 })
	start, steps := a.clock, 0
	a.goOn(t, r, func() bool { steps++; return a.clock.Sub(start) > time.Hour })
	if len(looked) > 0 || steps > 200 {
		t.Errorf("in an hour with an empty log, %d steps are taken, and %q looked at", steps, looked)
	}
	var many []events.Campaign
	for i := range 2*auditPage + 10 {
		many = append(many, events.Campaign(fmt.Sprintf("evt-%04d", i)))
	}
	a.append(t, many...)
	a.serve(t, "evt-1500")
	execSQLite(t, filepath.Join(a.dir, "log.db"), `UPDATE events SET payload = '{}' WHERE position = 1501`)
	a.goOn(t, r, func() bool { return slices.Contains(looked, "evt-0000") && slices.Contains(looked, "evt-1500") })
	if !strings.Contains(a.said.String(), "log is corrupt") {
		t.Errorf("says %q, want that the log is corrupt", &a.said)
	}
}
