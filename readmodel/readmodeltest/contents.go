package readmodeltest

import (
	"slices"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// ask records an operation, of all tables where none is named.
func (b *testBundle) ask(t testing.TB, kind readmodel.OperationKind, c events.Campaign, projections ...string) readmodel.Operation {
	t.Helper()
	if len(projections) == 0 {
		projections = names(tables())
	}
	op, err := b.store.Ask(t.Context(), readmodel.Operation{Kind: kind, Projections: projections, Campaign: c, Who: "운영자"})
	if err != nil {
		t.Fatalf("Ask: %v", err)
	}
	return op
}

// op returns an operation.
func (b *testBundle) op(t testing.TB, id int64) readmodel.Operation {
	t.Helper()
	op, err := b.store.Operation(t.Context(), id)
	if err != nil {
		t.Fatalf("Operation(%d): %v", id, err)
	}
	return op
}

// ops returns all operations, newest first.
func (b *testBundle) ops(t testing.TB) []readmodel.Operation {
	t.Helper()
	ops, err := b.store.Operations(t.Context(), 1_000)
	if err != nil {
		t.Fatalf("Operations: %v", err)
	}
	return ops
}

func (b *testBundle) note(t testing.TB, op readmodel.Operation) {
	t.Helper()
	if err := b.store.Note(t.Context(), b.lease, op); err != nil {
		t.Fatalf("Note: %v", err)
	}
}

// ended fails the test unless the operation is done.
func (b *testBundle) ended(t testing.TB, id int64) {
	t.Helper()
	if got := b.op(t, id); got.State != readmodel.Done || got.EndedAt.IsZero() {
		t.Errorf("operation %d is %+v, want it done", id, got)
	}
}

func (b *testBundle) list(t testing.TB) []readmodel.GenerationState {
	t.Helper()
	all, err := b.store.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return all
}

// begin makes a generation of each projection, of all tables where none is given.
func (b *testBundle) begin(t testing.TB, projections ...readmodel.Checkpoint) []readmodel.Checkpoint {
	t.Helper()
	if len(projections) == 0 {
		projections = tables()
	}
	begun, err := b.store.Begin(t.Context(), b.lease, projections)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	return begun
}

// build makes a generation of each table with these rows, up to the position.
func (b *testBundle) build(t testing.TB, to events.Position, rows *readmodel.Rows) []readmodel.Checkpoint {
	t.Helper()
	begun := b.begin(t)
	if err := b.store.Fill(t.Context(), b.lease, through(to, begun), rows, func() {}); err != nil {
		t.Fatalf("Fill: %v", err)
	}
	for i := range begun {
		begun[i].Position = to
	}
	return begun
}

// activate activates the generations and checks the revision and the operation.
func (b *testBundle) activate(t testing.TB, generations ...readmodel.Checkpoint) {
	t.Helper()
	op := b.ask(t, readmodel.Rebuild, "", names(generations)...)
	want := revision(t, b.store)
	for _, g := range generations {
		i := slices.IndexFunc(b.at, func(at readmodel.Checkpoint) bool { return at.Projection == g.Projection })
		want.Position += g.Position - b.at[i].Position
		b.at[i] = g
	}
	got, err := b.store.Activate(t.Context(), b.lease, op.ID, generations)
	if err != nil {
		t.Fatalf("Activate: %v", err)
	}
	b.edited(t, op.ID, want, got)
}

// edited checks that an edit made the revision wanted but for its edits, which are one
// more, and that its operation is done.
func (b *testBundle) edited(t testing.TB, op int64, want, got readmodel.Revision) {
	t.Helper()
	want.Edits++
	if got != want {
		t.Errorf("the edit made revision %+v, want %+v", got, want)
	}
	if is := revision(t, b.store); is != want {
		t.Errorf("after the edit, Revision = %+v, want %+v", is, want)
	}
	b.revision = want
	b.ended(t, op)
}

// serves fails the test unless every method that reads returns these rows and no others.
func (b *testBundle) serves(t testing.TB, rows *readmodel.Rows) {
	t.Helper()
	subjects, err := b.store.Campaigns(t.Context(), "", 1_000)
	if err != nil {
		t.Fatalf("Campaigns: %v", err)
	}
	var want []events.Campaign
	for c := range rows.Subjects() {
		want = append(want, c)
	}
	slices.Sort(want)
	if d := diff(want, subjects); d != "" {
		t.Errorf("Campaigns (-want +got):\n%s", d)
	}
	shops := map[events.Shop]bool{"store-1": true, "store-2": true, "": true}
	for c, campaign := range rows.Campaigns() {
		sameCampaign(t, b.store, rows, c)
		shops[campaign.Shop] = true
		snapshot, at, err := b.store.Snapshot(t.Context(), c)
		if err != nil {
			t.Fatalf("Snapshot(%q): %v", c, err)
		}
		served := rows.Of(c)
		served.Revision = snapshot.Revision
		if d := diff(served, snapshot); d != "" {
			t.Errorf("Snapshot(%q) (-want +got):\n%s", c, d)
		}
		if d := diff(sortedCheckpoints(b.at), at); d != "" {
			t.Errorf("checkpoints of the snapshot (-want +got):\n%s", d)
		}
	}
	for shop := range shops {
		sameShopCampaigns(t, b.store, rows, shop)
	}
	sameDistributed(t, b.store, rows, instant(0))
}

// contents is what a store shows of its database.
type contents struct {
	Generations []readmodel.GenerationState
	Revision    readmodel.Revision
	Operations  []readmodel.Operation
	Rows        map[readmodel.Generation]map[string][]any
}

// contents returns the contents of the database, of its rows those with the keys of the
// given rows.
func (b *testBundle) contents(t testing.TB, rows *readmodel.Rows) contents {
	t.Helper()
	c := contents{b.list(t), revision(t, b.store), b.ops(t), make(map[readmodel.Generation]map[string][]any)}
	highest := readmodel.Generation(0)
	for _, g := range c.Generations {
		highest = max(highest, g.Generation)
	}
	for g := readmodel.Generation(1); g <= highest+1; g++ { // also of one that does not exist
		c.Rows[g] = ByTable(b.loadOf(t, g, rows))
	}
	return c
}

// loadOf returns those of the rows' keys that are stored in a generation.
func (b *testBundle) loadOf(t testing.TB, g readmodel.Generation, rows *readmodel.Rows) *readmodel.Rows {
	t.Helper()
	at := tables()
	for i := range at {
		at[i].Generation = g
	}
	stored, err := b.store.Load(t.Context(), at, keysOf(rows))
	if err != nil {
		t.Fatalf("Load of generation %d: %v", g, err)
	}
	return stored
}

// through moves checkpoints to a position.
func through(to events.Position, at []readmodel.Checkpoint) []readmodel.Advance {
	advances := make([]readmodel.Advance, len(at))
	for i := range at {
		advances[i] = readmodel.Advance{Checkpoint: at[i], To: to}
	}
	return advances
}

// names returns the projections' names, sorted.
func names(at []readmodel.Checkpoint) []string {
	var all []string
	for _, c := range at {
		all = append(all, c.Projection)
	}
	slices.Sort(all)
	return all
}
