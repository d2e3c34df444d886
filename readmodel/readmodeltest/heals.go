package readmodeltest

import (
	"slices"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testHeals(t *testing.T, a Adapter) {
	t.Run("what was found comes back, also any text", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		found := &readmodel.Found{}
		for i, text := range hostileTexts() {
			found.Add(readmodel.Difference{Table: "a", Key: text, Field: text, Served: text, Folded: text, Position: events.Position(i)})
		}
		want, err := b.store.Ask(t.Context(), readmodel.Operation{
			Kind: readmodel.Heal, Projections: []string{"a", "b"}, Campaign: "이벤트-1", Who: "audit of " + owner, Found: found,
		})
		if err != nil {
			t.Fatalf("Ask: %v", err)
		}
		if d := diff(found, want.Found); d != "" {
			t.Errorf("Ask (-want +got):\n%s", d)
		}
		want.State = readmodel.Done
		b.note(t, want)
		if d := diff(found, b.elsewhere(t).op(t, want.ID).Found); d != "" {
			t.Errorf("Operation, once it was done (-want +got):\n%s", d)
		}
	})

	t.Run("a heal names a campaign and what was found", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		found := &readmodel.Found{Total: 1}
		for name, op := range map[string]readmodel.Operation{
			"no campaign":            {Kind: readmodel.Heal, Projections: []string{"a"}, Who: owner, Found: found},
			"nothing found":          {Kind: readmodel.Heal, Projections: []string{"a"}, Campaign: "evt-1", Who: owner},
			"a reset that has found": {Kind: readmodel.Reset, Projections: []string{"a"}, Campaign: "evt-1", Who: owner, Found: found},
		} {
			if got, err := b.store.Ask(t.Context(), op); err == nil {
				t.Errorf("Ask, %s = %+v, want an error", name, got)
			}
		}
	})

	t.Run("the account", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		account := func(what string, done, failed, wrong, last, firstWrong int64) {
			t.Helper()
			got, err := b.store.Heals(t.Context())
			if err != nil {
				t.Fatalf("Heals: %v", err)
			}
			id := func(op *readmodel.Operation) int64 {
				if op == nil {
					return 0
				}
				if op.Kind != readmodel.Heal || op.Found == nil {
					t.Errorf("%s: %+v, want a heal with what was found", what, op)
				}
				return op.ID
			}
			if g, w := []int64{got.Done, got.Failed, got.Wrong, id(got.Last), id(got.FirstWrong)}, []int64{done, failed, wrong, last, firstWrong}; !slices.Equal(g, w) {
				t.Errorf("%s: done, failed, wrong, last, first wrong = %v, want %v", what, g, w)
			}
		}
		// ends ends the operation in the state.
		ends := func(op readmodel.Operation, state readmodel.OperationState) int64 {
			t.Helper()
			if op.State = state; state != readmodel.Waiting {
				b.note(t, op)
			}
			return op.ID
		}
		heal := func(c events.Campaign, state readmodel.OperationState) int64 {
			t.Helper()
			op, err := b.store.Ask(t.Context(), readmodel.Operation{
				Kind: readmodel.Heal, Projections: []string{"a", "b"}, Campaign: c, Who: owner, Found: &readmodel.Found{Total: 1},
			})
			if err != nil {
				t.Fatalf("Ask: %v", err)
			}
			return ends(op, state)
		}
		account("none", 0, 0, 0, 0, 0)
		one := heal("evt-1", readmodel.Done)
		account("one is done", 1, 0, 0, one, 0)
		two := heal("evt-2", readmodel.Failed)
		account("one has failed", 1, 1, 1, two, two)
		three := heal("evt-3", readmodel.Waiting)
		account("one waits", 1, 1, 2, three, two)
		ends(b.op(t, three), readmodel.Running)
		account("one runs", 1, 1, 2, three, two)
		ends(b.op(t, three), readmodel.Done)
		account("it is done", 2, 1, 1, three, two)

		ends(b.ask(t, readmodel.Reset, "evt-2", "a", "b"), readmodel.Failed)
		ends(b.ask(t, readmodel.Reset, "evt-2", "a"), readmodel.Done)
		ends(b.ask(t, readmodel.Reset, "evt-1", "a", "b"), readmodel.Done)
		ends(b.ask(t, readmodel.Rebuild, "", "a"), readmodel.Done)
		ends(b.ask(t, readmodel.Rebuild, "", "a", "b"), readmodel.Failed)
		ends(b.ask(t, readmodel.Pause, "", "a", "b"), readmodel.Done)
		account("what does not mend it", 2, 1, 1, three, two)
		ends(b.ask(t, readmodel.Reset, "evt-2", "a", "b"), readmodel.Done)
		account("a reset mends it", 2, 1, 0, three, 0)

		four, five := heal("evt-4", readmodel.Failed), heal("evt-5", readmodel.Failed)
		account("two have failed", 2, 3, 2, five, four)
		six := heal("evt-4", readmodel.Failed)
		account("one has failed again", 2, 4, 2, six, five)
		seven := heal("evt-4", readmodel.Done)
		account("one is done at last", 3, 4, 1, seven, five)
		ends(b.ask(t, readmodel.Rebuild, "", "a", "b"), readmodel.Done)
		account("a rebuild mends all", 3, 4, 0, seven, 0)
		eight := heal("evt-5", readmodel.Failed)
		account("wrong again", 3, 5, 1, eight, eight)
	})
}

// elsewhere is the bundle as another process sees it.
func (b *testBundle) elsewhere(t testing.TB) *testBundle {
	t.Helper()
	other := *b
	other.store = b.open()
	return &other
}
