package readmodeltest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testTexts(t *testing.T, a Adapter) {
	t.Run("every text of every generation is found once, and none that was pruned", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		b.activate(t, b.build(t, 2, fullRows("evt-2"))...)
		b.activate(t, b.build(t, 3, fullRows("evt-3"))...)
		b.build(t, 4, fullRows("evt-4"))
		texts := func() map[string]int {
			t.Helper()
			all := make(map[string]int)
			err := b.open().Texts(t.Context(), func(table, column, text string) error {
				all[table+"."+column+": "+text]++
				return nil
			})
			if err != nil {
				t.Fatalf("Texts: %v", err)
			}
			return all
		}
		all := texts()
		for _, table := range Tables() {
			for n, campaign := range []string{"evt-1", "evt-2", "evt-3", "evt-4"} {
				if got := all[table.Name+".campaign: "+campaign]; got != 1 {
					t.Errorf("campaign %s of generation %d of %s is found %d times", campaign, n+1, table.Name, got)
				}
			}
		}
		if all["event_stats.title: 가을 경품 이벤트"] != 1 || all["event_stats.store: store-1"] != 1 {
			t.Errorf("texts are %v", all)
		}
		if err := b.store.Prune(t.Context(), b.lease, func() {}); err != nil {
			t.Fatalf("Prune: %v", err)
		}
		if err := b.store.Compact(t.Context()); err != nil {
			t.Fatalf("Compact: %v", err)
		}
		for text := range texts() {
			if strings.HasSuffix(text, "evt-1") || strings.HasSuffix(text, "evt-4") {
				t.Errorf("%s was pruned", text)
			}
		}
		b.serves(t, fullRows("evt-3"))
		failed := errors.New("of this test")
		if err := b.store.Texts(t.Context(), func(string, string, string) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("Texts = %v, want the caller's error", err)
		}
	})

	t.Run("an operation that has ended can be reworded", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		const phone = "010-7777-1009"
		asked, err := b.store.Ask(t.Context(), readmodel.Operation{
			Kind: readmodel.Heal, Projections: []string{"event_stats"}, Campaign: phone, Who: "kim " + phone, Why: "asked by " + phone,
			Found: &readmodel.Found{Total: 1, Differences: []readmodel.Difference{{Table: "event_stats", Field: "Title", Served: `"` + phone + `"`, Folded: `""`, Position: 7}}},
		})
		if err != nil {
			t.Fatalf("Ask: %v", err)
		}
		redact := func(o readmodel.Operation) readmodel.Operation {
			now, differs := o.Redact(func(string) string { return "erased-x" })
			if !differs || o.Campaign != phone {
				t.Fatalf("%+v becomes %+v", o, now)
			}
			return now
		}
		if err := b.store.Reword(t.Context(), redact(asked)); !errors.Is(err, readmodel.ErrNoOperation) {
			t.Errorf("Reword of one that waits = %v, want %v", err, readmodel.ErrNoOperation)
		}
		asked.State, asked.Owner, asked.Error = readmodel.Failed, owner, `campaign "`+phone+`"`
		b.note(t, asked)
		want := redact(b.op(t, asked.ID))
		if err := b.store.Reword(t.Context(), want); err != nil {
			t.Fatalf("Reword: %v", err)
		}
		got := b.op(t, asked.ID)
		if d := diff(want, got); d != "" {
			t.Errorf("Operation (-want +got):\n%s", d)
		}
		if again, differs := got.Redact(func(string) string { return "erased-x" }); differs {
			t.Errorf("it becomes %+v once more", again)
		}
		if texts := []string{string(got.Campaign), got.Who, got.Why, got.Error, got.Found.String()}; slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "7777") }) || got.Campaign != events.Campaign("erased-x") {
			t.Errorf("it holds %q", texts)
		}
	})
}
