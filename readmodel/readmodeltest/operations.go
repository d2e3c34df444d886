package readmodeltest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

func testOperations(t *testing.T, a Adapter) {
	t.Run("an invalid operation is not recorded", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		for name, op := range map[string]readmodel.Operation{
			"no kind":                   {Projections: []string{"a"}, Who: owner},
			"no projection":             {Kind: readmodel.Pause, Who: owner},
			"names that are not sorted": {Kind: readmodel.Pause, Projections: []string{"b", "a"}, Who: owner},
			"a reset of no campaign":    {Kind: readmodel.Reset, Projections: []string{"a"}, Who: owner},
			"a rebuild of one campaign": {Kind: readmodel.Rebuild, Projections: []string{"a"}, Campaign: "evt-1", Who: owner},
			"no operator":               {Kind: readmodel.Pause, Projections: []string{"a"}},
		} {
			if got, err := b.store.Ask(t.Context(), op); err == nil {
				t.Errorf("Ask, %s = %+v, want an error", name, got)
			}
		}
		if got := b.ops(t); len(got) > 0 {
			t.Errorf("Operations = %+v, want none", got)
		}
		if got, ok, err := b.store.Next(t.Context()); ok || err != nil {
			t.Errorf("Next = %+v, %v, %v; want none", got, ok, err)
		}
		if got, err := b.store.Operation(t.Context(), 1); !errors.Is(err, readmodel.ErrNoOperation) {
			t.Errorf("Operation(1) = %+v, %v; want ErrNoOperation", got, err)
		}
	})

	t.Run("every field comes back, and any text", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		now := time.Now()
		asked := func(want readmodel.Operation) readmodel.Operation {
			t.Helper()
			// Ask ignores the fields that it sets itself.
			given := want
			given.ID, given.State, given.Owner, given.At, given.To, given.Error = 99, readmodel.Done, "me", 1, 2, "?"
			given.AskedAt, given.BeganAt, given.EndedAt = now, now, now
			got, err := b.store.Ask(t.Context(), given)
			if err != nil {
				t.Fatalf("Ask(%+v): %v", want, err)
			}
			if got.ID < 1 || got.AskedAt.Sub(now).Abs() > time.Minute || got.AskedAt.Location() != time.UTC {
				t.Errorf("Ask = %+v, want a number and when it was asked for, in UTC", got)
			}
			want.ID, want.State, want.AskedAt = got.ID, readmodel.Waiting, got.AskedAt
			if d := diff(want, got); d != "" {
				t.Errorf("Ask (-want +got):\n%s", d)
			}
			if d := diff(got, b.op(t, got.ID)); d != "" {
				t.Errorf("Operation (-want +got):\n%s", d)
			}
			return got
		}
		all := []readmodel.Operation{asked(readmodel.Operation{
			Kind: readmodel.Reset, Projections: []string{"channel_stats", "시간별", "프로필"}, Campaign: "이벤트-1", Who: "김운영@본사", Why: "행 하나를 손으로 고쳤다",
		})}
		texts := hostileTexts()[1:] // all but the empty one
		for _, text := range texts {
			all = append(all, asked(readmodel.Operation{
				Kind: readmodel.Reset, Projections: []string{text}, Campaign: events.Campaign(text), Who: text, Why: text,
			}))
		}
		slices.Sort(texts)
		all = append(all, asked(readmodel.Operation{Kind: readmodel.Pause, Projections: texts, Who: owner}))
		for i, text := range texts {
			op := all[i]
			op.State, op.Owner, op.Error = readmodel.Failed, text, text
			op.At, op.To = events.Position(i), 1<<62
			b.note(t, op)
			got := b.op(t, op.ID)
			if got.BeganAt.Before(op.AskedAt) || got.EndedAt.Before(got.BeganAt) || got.EndedAt.Sub(now) > time.Minute || got.EndedAt.Location() != time.UTC {
				t.Errorf("%+v, want it asked for, begun and ended in that order", got)
			}
			op.BeganAt, op.EndedAt = got.BeganAt, got.EndedAt
			if d := diff(op, got); d != "" {
				t.Errorf("Operation (-want +got):\n%s", d)
			}
			all[i] = op
		}
		slices.Reverse(all)
		for _, b.store = range []readmodel.Store{b.store, b.open()} {
			if d := diff(all, b.ops(t)); d != "" {
				t.Errorf("Operations (-want +got):\n%s", d)
			}
		}
	})

	t.Run("asking again before the operation ends returns the same operation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		first, err := b.store.Ask(t.Context(), readmodel.Operation{Kind: readmodel.Reset, Projections: []string{"a", "b"}, Campaign: "evt-1", Who: owner, Why: "first"})
		if err != nil {
			t.Fatalf("Ask: %v", err)
		}
		again := func() readmodel.Operation {
			t.Helper()
			got, err := b.store.Ask(t.Context(), readmodel.Operation{Kind: readmodel.Reset, Projections: []string{"a", "b"}, Campaign: "evt-1", Who: rival, Why: "again"})
			if err != nil {
				t.Fatalf("Ask: %v", err)
			}
			return got
		}
		if d := diff(first, again()); d != "" {
			t.Errorf("Ask again while it waits (-want +got):\n%s", d)
		}
		for _, other := range []readmodel.Operation{
			b.ask(t, readmodel.Reset, "evt-1", "a"), b.ask(t, readmodel.Reset, "evt-1", "a,b"), b.ask(t, readmodel.Reset, "evt-1", "a", "b", "c"),
			b.ask(t, readmodel.Reset, "EVT-1", "a", "b"), b.ask(t, readmodel.Rebuild, "", "a", "b"), b.ask(t, readmodel.Pause, "", "a", "b"),
		} {
			if other.ID == first.ID {
				t.Errorf("%+v is taken for the same as %+v", other, first)
			}
		}
		running := first
		running.State, running.Owner = readmodel.Running, owner
		b.note(t, running)
		running = b.op(t, first.ID)
		if d := diff(running, again()); d != "" {
			t.Errorf("Ask again while it runs (-want +got):\n%s", d)
		}
		for _, state := range []readmodel.OperationState{readmodel.Failed, readmodel.Done} {
			running.State = state
			b.note(t, running)
			next := again()
			if next.ID <= running.ID || next.State != readmodel.Waiting || next.Who != rival {
				t.Errorf("Ask after it has %s = %+v, want another than %+v", state, next, running)
			}
			running = next
		}
	})

	t.Run("concurrent calls of Ask get one operation", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		stores := []readmodel.Store{b.store, b.open()}
		var (
			all sync.WaitGroup
			ids [8]int64
		)
		for i := range ids {
			all.Go(func() {
				op, err := stores[i%2].Ask(t.Context(), readmodel.Operation{Kind: readmodel.Rebuild, Projections: []string{"a"}, Who: owner})
				if err != nil {
					t.Errorf("Ask: %v", err)
				}
				ids[i] = op.ID
			})
		}
		all.Wait()
		got := b.ops(t)
		if len(got) != 1 {
			t.Fatalf("Operations = %+v, want one", got)
		}
		for i, id := range ids {
			if id != got[0].ID {
				t.Errorf("%d was given operation %d, want %d", i, id, got[0].ID)
			}
		}
	})

	t.Run("Ask never returns an operation that ended before the call", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		stores := []readmodel.Store{b.store, b.open()}
		var (
			all     sync.WaitGroup
			highest [2]int64
		)
		for i, store := range stores {
			all.Go(func() {
				for range 25 {
					op, err := store.Ask(t.Context(), readmodel.Operation{Kind: readmodel.Rebuild, Projections: []string{"a"}, Who: owner})
					if err != nil || op.ID < highest[i] {
						t.Errorf("Ask after operation %d = %+v, %v", highest[i], op, err)
						return
					}
					highest[i] = op.ID
					op.State = readmodel.Done
					if err := store.Note(t.Context(), b.lease, op); err != nil && !errors.Is(err, readmodel.ErrFenced) {
						t.Errorf("Note: %v", err)
						return
					}
				}
			})
		}
		all.Wait()
		for _, op := range b.ops(t) {
			if op.State != readmodel.Done {
				t.Errorf("%+v, want it done", op)
			}
		}
	})

	t.Run("the last operations are listed newest first, and Next returns the oldest that has not ended", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		var asked []readmodel.Operation
		for _, projection := range []string{"a", "b", "c", "d"} {
			asked = append(asked, b.ask(t, readmodel.Rebuild, "", projection))
		}
		newest := slices.Clone(asked)
		slices.Reverse(newest)
		for limit := range 6 {
			got, err := b.store.Operations(t.Context(), limit)
			if err != nil {
				t.Fatalf("Operations(%d): %v", limit, err)
			}
			if d := diff(append([]readmodel.Operation{}, newest[:min(limit, 4)]...), append([]readmodel.Operation{}, got...)); d != "" {
				t.Errorf("Operations(%d) (-want +got):\n%s", limit, d)
			}
		}
		next := func(want ...readmodel.Operation) {
			t.Helper()
			got, ok, err := b.store.Next(t.Context())
			if err != nil || ok != (len(want) > 0) {
				t.Fatalf("Next = %+v, %v, %v; want %+v", got, ok, err, want)
			}
			if ok && got.ID != want[0].ID {
				t.Errorf("Next = %+v, want %+v", got, want[0])
			}
		}
		next(asked[0])
		asked[1].State = readmodel.Done
		b.note(t, asked[1])
		asked[0].State = readmodel.Running
		b.note(t, asked[0])
		next(asked[0])
		asked[0].State = readmodel.Failed
		b.note(t, asked[0])
		next(asked[2])
		for _, op := range asked[2:] {
			op.State = readmodel.Done
			b.note(t, op)
		}
		next()
	})

	t.Run("an operation begins once and cannot change after it ends", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		op := b.ask(t, readmodel.Rebuild, "", "a")
		op.At = 3 // it still waits
		b.note(t, op)
		if d := diff(op, b.op(t, op.ID)); d != "" {
			t.Errorf("noted as waiting (-want +got):\n%s", d)
		}
		for n, by := range []string{owner, owner, rival} {
			op.State, op.Owner, op.At, op.To = readmodel.Running, by, events.Position(n), 10
			b.note(t, op)
			got := b.op(t, op.ID)
			if n == 0 {
				if got.BeganAt.Before(got.AskedAt) || got.BeganAt.Location() != time.UTC {
					t.Errorf("begun %v, asked for %v", got.BeganAt, got.AskedAt)
				}
				op.BeganAt = got.BeganAt
			}
			if d := diff(op, got); d != "" {
				t.Errorf("noted as running (-want +got):\n%s", d)
			}
		}
		op.State = readmodel.Waiting // it waits again
		b.note(t, op)
		if d := diff(op, b.op(t, op.ID)); d != "" {
			t.Errorf("noted as waiting again (-want +got):\n%s", d)
		}

		// A change of what is served ends its operation.
		b.activate(t, b.begin(t)...)
		if got := b.ops(t)[0]; got.At != got.To || got.EndedAt.Before(got.AskedAt) {
			t.Errorf("carried out, %+v", got)
		}
		op.State, op.Error = readmodel.Failed, "기록이 비었다"
		b.note(t, op)
		for _, ended := range b.ops(t) {
			for _, state := range []readmodel.OperationState{readmodel.Waiting, readmodel.Running, readmodel.Done, readmodel.Failed} {
				change := ended
				change.State, change.Error, change.Owner = state, "?", "?"
				if err := b.store.Note(t.Context(), b.lease, change); !errors.Is(err, readmodel.ErrFenced) {
					t.Errorf("Note of %s to %+v = %v, want ErrFenced", state, ended, err)
				}
			}
			if d := diff(ended, b.op(t, ended.ID)); d != "" {
				t.Errorf("after it had ended (-want +got):\n%s", d)
			}
			op = ended
		}
		op.ID += 1_000
		if err := b.store.Note(t.Context(), b.lease, op); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Note to an operation that there is not = %v, want ErrFenced", err)
		}
	})
}
