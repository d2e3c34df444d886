package runner_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// naive folds those of the events that are wanted, one by one.
func naive(all []events.Recorded, wanted func(events.Recorded) bool) *readmodel.Rows {
	rows := readmodel.NewRows()
	for _, e := range all {
		if wanted(e) {
			projections.Fold(rows, projections.All(), []events.Recorded{e})
		}
	}
	return rows
}

// TestReplayIsTheFold compares replays of parts of a log, by position, by time and by
// campaign, with a fold of just these events.
func TestReplayIsTheFold(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	head := appendAll(t, log, drafts(t, 7, 800), 20) // many commits: many times at which something was recorded
	all, err := log.Read(t.Context(), 0, int(head))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	position := func() events.Position { return events.Position(random.Int64N(int64(head) + 1)) }
	for i := range 100 {
		r := runner.Replay{Log: log, Projections: projections.All()}
		name := "all"
		switch i % 5 {
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
		}
		got, err := r.Run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
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
		if diff := cmp.Diff(want, got.Rows); diff != "" || got.Events != count {
			t.Errorf("%s: %d events of %d (-want +got):\n%s", name, got.Events, count, diff)
		}
		last := r.Through
		if last == 0 {
			last = head
		}
		moment := r.AsOf
		if last = max(r.After, min(last, head)); moment.IsZero() && last > 0 {
			moment = all[last-1].RecordedAt
		}
		if !got.Moment.Equal(moment) {
			t.Errorf("%s: known at %v, want %v", name, got.Moment, moment)
		}
	}
}

// TestReplayOfNothing: an empty log, and a part that is empty, are no errors.
func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	for range 2 {
		for _, r := range []runner.Replay{{}, {Through: 5, After: 5}, {AsOf: time.Unix(0, 0)}, {Campaign: "nobody"}} {
			r.Log, r.Projections = log, projections.All()
			got, err := r.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if empty := r.After > 0 || !r.AsOf.IsZero() || r.Campaign != ""; empty && (got.Events != 0 || len(got.Rows.Events) != 0) {
				t.Errorf("%+v: %d events", r, got.Events)
			}
		}
		appendAll(t, log, drafts(t, 3, 20), 100)
	}
}

// TestReplayFails: what the log says is wrong, or a context that ends, ends a replay.
func TestReplayFails(t *testing.T) {
	t.Parallel()
	log := openLog(t)
	appendAll(t, log, drafts(t, 3, 500), 100)
	for name, tc := range map[string]struct {
		log  events.Log
		want error
	}{
		"a gap":         {log: &damaged{Log: log, skip: 1}, want: events.ErrGap},
		"a missing end": {log: &damaged{Log: log, end: 100}, want: events.ErrGap},
		"an error":      {log: &damaged{Log: log, err: events.ErrCorrupt}, want: events.ErrCorrupt},
	} {
		if _, err := (runner.Replay{Log: tc.log, Projections: projections.All()}).Run(t.Context()); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (runner.Replay{Log: log, Projections: projections.All()}).Run(ended); !errors.Is(err, context.Canceled) {
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
