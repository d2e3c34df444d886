package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/archive"
	"jangbu/events/sqlitelog"
	"jangbu/events/synthetic"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openLog(t *testing.T) *sqlitelog.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// fill appends the events of n seeded registrations, and some of their campaigns and
// channels, in many commits. It returns the log's head.
func fill(t *testing.T, log events.Log, seed uint64, n int) events.Position {
	t.Helper()
	topics, types := make(map[events.Type]string), make(map[string]events.Type)
	for _, typ := range events.Types() {
		topics[typ], types[typ.String()] = typ.String(), typ
	}
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	g, err := synthetic.New(synthetic.Config{Seed: seed, Campaigns: 7, Start: start, Topics: topics, Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	records := append(g.Campaigns()[:4], g.Stats(start)...)
	for range n {
		records = append(records, g.Next())
	}
	records = append(append(records, g.Distributions()...), g.Stats(start.Add(time.Hour))...)
	for part := range slices.Chunk(records, 20) {
		var some []events.Draft
		for _, record := range part {
			d, err := events.Decode(types[record.Topic], record, record.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			d.SetPseudonym(events.Pseudonym{byte(1 + len(some))})
			some = append(some, d.Draft)
		}
		if _, err := log.Append(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Head
}

// naive folds those of the events that are wanted, one by one.
func naive(all []events.Recorded, wanted func(events.Recorded) bool) *readmodel.Rows {
	ps := projections.All()
	rows := readmodel.NewRows(projections.Tables(ps)...)
	for _, e := range all {
		if wanted(e) {
			projections.Fold(rows, ps, []events.Recorded{e})
		}
	}
	return rows
}

// TestReplayIsTheFold compares replays of parts of a log, by position, by time and by
// campaign, with a fold of just these events.
func TestReplayIsTheFold(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	head := fill(t, log, 7, 800)
	all, err := log.Read(t.Context(), 0, int(head))
	if err != nil {
		t.Fatal(err)
	}
	export := exported(t, log, 1, head)
	random := rand.New(rand.NewPCG(1, 2))
	position := func() events.Position { return events.Position(random.Int64N(int64(head) + 1)) }
	for i := range 120 {
		r := replay.Config{Log: log, Projections: projections.All()}
		name := "all"
		switch i % 6 {
		case 1:
			r.Through = position() + 1
			name = fmt.Sprintf("through %d", r.Through)
		case 2:
			r.After, r.Through = position(), position()
			name = fmt.Sprintf("after %d through %d", r.After, r.Through)
		case 3:
			r.AsOf = all[random.IntN(len(all))].RecordedAt
			name = "as of " + r.AsOf.String()
		case 4:
			r.Campaign, r.Through = all[random.IntN(len(all))].Event.Subject(), position()
			name = fmt.Sprintf("%s through %d", r.Campaign, r.Through)
		case 5:
			r.Campaign, r.After, r.AsOf = all[random.IntN(len(all))].Event.Subject(), position(), all[random.IntN(len(all))].RecordedAt
			name = fmt.Sprintf("%s after %d as of %v", r.Campaign, r.After, r.AsOf)
		}
		count := int64(0)
		want := naive(all, func(e events.Recorded) bool {
			in := e.Position > r.After && (r.Through == 0 || e.Position <= r.Through) &&
				(r.AsOf.IsZero() || !e.RecordedAt.After(r.AsOf)) && (r.Campaign == "" || e.Event.Subject() == r.Campaign)
			if in {
				count++
			}
			return in
		})
		last := min(r.Through, head)
		if r.Through == 0 {
			last = head
		}
		through := r.After
		for _, e := range all[:last] {
			if r.AsOf.IsZero() || !e.RecordedAt.After(r.AsOf) {
				through = max(through, e.Position)
			}
		}
		moment := r.AsOf
		if moment.IsZero() && last > r.After {
			moment = all[last-1].RecordedAt
		}
		for source, export := range map[string]replay.Export{"log": nil, "export": export} {
			r.Export = export
			got, err := replay.Run(t.Context(), r)
			if err != nil {
				t.Fatalf("%s of the %s: %v", name, source, err)
			}
			if diff := readmodeltest.Diff(want, got.Rows); diff != "" || got.Events != count {
				t.Errorf("%s of the %s: %d events of %d (-want +got):\n%s", name, source, got.Events, count, diff)
			}
			if !got.Moment.Equal(moment) || got.Through != through {
				t.Errorf("%s of the %s: known at %v through %d, want %v through %d", name, source, got.Moment, got.Through, moment, through)
			}
		}
	}
}

// exported is an export of a part of the log.
func exported(t *testing.T, log events.Log, from, through events.Position) *archive.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.jsonl")
	before, _, err := log.Chain().Link(t.Context(), from-1)
	if err != nil {
		t.Fatal(err)
	}
	w, err := archive.Create(path, before)
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Export(t.Context(), log, w, from, through, func(events.Position) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context(), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// TestReplayOfAPart: an export that begins in the middle is folded from there on, if
// that is what is asked for.
func TestReplayOfAPart(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	head := fill(t, log, 7, 100)
	part := exported(t, log, 31, 70)
	for _, r := range []replay.Config{{After: 30}, {After: 30, Through: 50}, {After: 40, Through: head}} {
		r.Projections = projections.All()
		r.Log = log
		through := min(r.Through, 70)
		if r.Through == 0 {
			through = 70
		}
		want, err := replay.Run(t.Context(), replay.Config{Log: log, Projections: r.Projections, After: r.After, Through: through})
		if err != nil {
			t.Fatal(err)
		}
		r.Log, r.Export = nil, part
		got, err := replay.Run(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if diff := readmodeltest.Diff(want.Rows, got.Rows); diff != "" {
			t.Errorf("after %d (-log +export):\n%s", r.After, diff)
		}
		if want.Rows, got.Rows = nil, nil; !cmp.Equal(want, got) {
			t.Errorf("after %d: %+v of the log, %+v of the export", r.After, want, got)
		}
	}
	if _, err := replay.Run(t.Context(), replay.Config{Export: part, Projections: projections.All(), After: 29}); !errors.Is(err, events.ErrGap) {
		t.Errorf("from before its first: error %v", err)
	}
}

// wrong is an export that turns out to be wrong once all of it has been read.
type wrong struct{ *archive.Reader }

func (w wrong) Each(ctx context.Context, f func([]events.Recorded) error) error {
	return errors.Join(w.Reader.Each(ctx, f), archive.ErrDamaged)
}

// TestReplayOfAWrongExport: no figure comes of an export whose end is wrong, however
// early the last event was that counts.
func TestReplayOfAWrongExport(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	head := fill(t, log, 7, 100)
	export := wrong{exported(t, log, 1, head)}
	for _, r := range []replay.Config{{}, {Through: 2}, {AsOf: time.Unix(0, 0)}} {
		r.Export, r.Projections = export, projections.All()
		if got, err := replay.Run(t.Context(), r); !errors.Is(err, archive.ErrDamaged) || got.Rows != nil {
			t.Errorf("%+v: %v, error %v", r, got.Rows, err)
		}
	}
}

// TestReplayOfNothing: an empty log, and a part that is empty, are no errors.
func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	for range 2 {
		for _, r := range []replay.Config{{}, {Through: 5, After: 5}, {AsOf: time.Unix(0, 0)}, {Campaign: "evt-none"}} {
			r.Log, r.Projections = log, projections.All()
			got, err := replay.Run(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if empty := r.After > 0 || !r.AsOf.IsZero() || r.Campaign != ""; empty && (got.Events != 0 || got.Rows.Len() != 0) {
				t.Errorf("%+v: %d events", r, got.Events)
			}
		}
		fill(t, log, 3, 20)
	}
}

// TestReplayFails: what the log says is wrong, or a context that ends, ends a replay.
func TestReplayFails(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	fill(t, log, 3, 500)
	for name, tc := range map[string]struct {
		log  events.Log
		want error
	}{
		"a gap":         {log: &damaged{Log: log, skip: 1}, want: events.ErrGap},
		"a missing end": {log: &damaged{Log: log, end: 100}, want: events.ErrGap},
		"an error":      {log: &damaged{Log: log, err: events.ErrCorrupt}, want: events.ErrCorrupt},
	} {
		if _, err := replay.Run(t.Context(), replay.Config{Log: tc.log, Projections: projections.All()}); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Run(ended, replay.Config{Log: log, Projections: projections.All()}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: error %v", err)
	}
}

// damaged is a log that reads badly.
type damaged struct {
	events.Log
	skip events.Position
	end  events.Position
	err  error
}

func (d *damaged) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	if d.err != nil {
		return nil, d.err
	}
	if d.end > 0 {
		if limit = min(limit, int(d.end-after)); limit <= 0 {
			return nil, nil
		}
	}
	return d.Log.Read(ctx, after+d.skip, limit)
}
