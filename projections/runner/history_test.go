package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// TestLogThatWentBackOrIsAnother: rows of a history that the log does not have are not
// served once a term has begun, and are rebuilt (I13).
func TestLogThatWentBackOrIsAnother(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		t.Helper()
		all := drafts(t, 11, 300) // those of the bundle
		for _, test := range []struct {
			name string
			log  []events.Draft
		}{
			{"it went back", all[:40]},
			{"it is another, as long", drafts(t, 12, 40)},
			{"it is longer, and differs in an early event", all[1:]},
			{"it is empty", nil},
		} {
			name, log := test.name, test.log
			b.log = openLog(t)
			b.head = appendAll(t, b.log, log, 25)
			if v := b.verify(t); v.First == nil || v.First.Campaign != "" {
				t.Errorf("%s: verify finds %v, want that the rows are of another log", name, v.First)
			}
			said := new(bytes.Buffer)
			cfg := config(b.log, b.rows, name, 100, projections.All())
			cfg.Logger = slog.New(slog.NewTextHandler(said, nil))
			r, stop := run(t, cfg)
			r.FoldAtMost(5)
			b.heals(t)
			if err := r.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(said.String(), "level=ERROR"); n != 1 || r.Status().HistoryChanges != 1 {
				t.Errorf("%s: said %d times, %+v:\n%s", name, n, r.Status(), said)
			}
			if b.head > 0 {
				b.clean(t)
			} else if v, err := replay.Verify(t.Context(), b.config()); !errors.Is(err, replay.ErrNothing) {
				t.Errorf("%s: verify finds %+v, %v, want nothing to compare", name, v, err)
			}
			generations, err := b.rows.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range generations {
				if !g.Active {
					t.Errorf("%s: %+v is kept", name, g)
				}
			}
			if b.head > 0 {
				compare(t, name, inMemory(t, b.log, b.head), b.rows)
			}
		}
	})
}

// TestLostCatalogueIsRebuilt: where it is lost which generation is served, or up to where it
// is folded, its rows are not added to, and others are served once they are whole.
func TestLostCatalogueIsRebuilt(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string][]string{
		"what is served":              {"DELETE FROM {}projections"},
		"what one projection is":      {"DELETE FROM {}projections WHERE projection = 'channel_stats'"},
		"what is served, and how far": {"DELETE FROM {}projections", "DELETE FROM {}generations"},
		"up to where":                 {"UPDATE {}projections SET active_generation = 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, b *verifyBundle) {
				for _, statement := range lost {
					b.exec(t, strings.ReplaceAll(statement, "{}", b.prefix))
				}
				if v := b.verify(t); v.First == nil || v.First.Served != "no generation" {
					t.Errorf("verify finds %+v, %v", v, v.First)
				}
				r, stop := run(t, config(b.log, b.rows, "another", 100, projections.All()))
				b.heals(t)
				if err := errors.Join(r.Settle(t.Context()), stop()); err != nil {
					t.Fatal(err)
				}
				b.clean(t)
				compare(t, name, inMemory(t, b.log, b.head), b.rows)
			})
		})
	}
}

// heals reads until rows of the log's whole history are served. Before that, once there is
// nothing but the log's history, only ErrRebuilding is read.
func (b *verifyBundle) heals(t *testing.T) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for begun := false; ; {
		_, at, err := b.rows.Snapshot(t.Context(), "no such campaign")
		switch {
		case errors.Is(err, readmodel.ErrRebuilding):
			begun = true
		case !errors.Is(err, readmodel.ErrNotFound):
			t.Fatal(err)
		case begun:
			for _, c := range at {
				if c.Position != b.head {
					t.Fatalf("%+v is served, of a log with %d events", c, b.head)
				}
			}
			return
		case len(at) < len(projections.All()): // the catalogue is lost
		default: // the lost history; or all was done between two looks
			link, reached, err := b.log.Chain().Link(t.Context(), at[0].Position)
			if err != nil {
				t.Fatal(err)
			}
			if reached && link == at[0].Link {
				begun = true
				continue
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not healed: %+v, %v", at, err)
		}
	}
}

// exchanged is a log in whose place another can be put.
type exchanged struct {
	events.Log

	mu  sync.Mutex
	now events.Log // guarded by mu
}

func (e *exchanged) set(log events.Log) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = log
}

func (e *exchanged) log() events.Log {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *exchanged) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	return e.log().Read(ctx, after, limit)
}

func (e *exchanged) Totals(ctx context.Context) (events.Totals, error) { return e.log().Totals(ctx) }

func (e *exchanged) Chain() events.Chain { return e.log().Chain() }

// TestLogIsExchangedWithinATerm: the leader notices it by itself.
func TestLogIsExchangedWithinATerm(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		t.Helper()
		log := &exchanged{Log: b.log, now: b.log}
		cfg := config(log, b.rows, "leader", 100, projections.All())
		cfg.HistoryEvery = 50 * time.Millisecond
		r, stop := run(t, cfg)
		waitFor(t, r, b.head)
		for changes := int64(1); changes <= 3; changes++ {
			b.log = openLog(t)
			b.head = appendAll(t, b.log, drafts(t, 30+uint64(changes), 20*int(4-changes)), 50)
			log.set(b.log)
			b.heals(t)
			b.clean(t)
			if got := r.Status().HistoryChanges; got != changes {
				t.Errorf("%d changes of %d were noticed", got, changes)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestRowsGoBackWithinATerm: an older copy of the rows takes their place while a leader
// stands beyond it and waits for the log to grow. It does not wait for that.
func TestRowsGoBackWithinATerm(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		t.Helper()
		cfg := config(b.log, b.rows, "leader", 100, projections.All())
		cfg.HistoryEvery = 50 * time.Millisecond
		r, stop := run(t, cfg)
		waitFor(t, r, b.head)
		before, err := b.rows.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			"UPDATE %sgenerations SET position = 0, link = " + b.zeroLink(), "DELETE FROM %sevent_stats", "DELETE FROM %schannel_stats",
			"DELETE FROM %sparticipation_hourly", "DELETE FROM %sparticipant_profile",
		} {
			b.exec(t, fmt.Sprintf(statement, b.prefix))
		}
		deadline, tick := time.After(30*time.Second), time.NewTicker(2*time.Millisecond)
		defer tick.Stop()
		for {
			now, err := b.rows.Revision(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if now.Position == before.Position {
				if now.Incarnation <= before.Incarnation {
					t.Errorf("revision %v has the incarnation of %v, which was of other rows", now, before)
				}
				break
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("at %v after %v", now, before)
			}
		}
		b.clean(t)
		if r.Status().HistoryChanges != 0 {
			t.Errorf("%+v, want no change of history", r.Status())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// zeroLink is a link that no checkpoint has.
func (b *verifyBundle) zeroLink() string {
	if b.prefix == "" {
		return "zeroblob(32)"
	}
	return "decode(repeat('00', 32), 'hex')"
}

// TestEveryTermHasAnIncarnation: a term may begin on an older copy of the rows.
func TestEveryTermHasAnIncarnation(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		t.Helper()
		before, err := b.rows.Revision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b.follow(t)
			now, err := b.rows.Revision(t.Context())
			if err != nil || now.Incarnation <= before.Incarnation || now.Position != before.Position {
				t.Errorf("revision %v after %v: %v", now, before, err)
			}
			before = now
		}
	})
}

// TestCheckpointsWithoutALinkGetOne: rows of an earlier program are of the log's history as
// far as can be told.
func TestCheckpointsWithoutALinkGetOne(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		t.Helper()
		b.exec(t, fmt.Sprintf("UPDATE %sgenerations SET link = %s", b.prefix, b.zeroLink()))
		b.clean(t)
		r, stop := start(t, b.log, b.rows, "leader", 100, projections.All())
		waitFor(t, r, b.head)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		want, _, err := b.log.Chain().Link(t.Context(), b.head)
		if err != nil {
			t.Fatal(err)
		}
		generations, err := b.rows.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range generations {
			if g.Link != want || g.Generation != 1 {
				t.Errorf("%+v, want generation 1 with link %v", g, want)
			}
		}

		b.exec(t, fmt.Sprintf("UPDATE %sgenerations SET link = %s, position = position + 1", b.prefix, b.zeroLink()))
		b.follow(t)
		b.clean(t)
	})
}
