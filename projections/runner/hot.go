package runner

import (
	"context"
	"fmt"

	"jangbu/projections"
	"jangbu/readmodel"
)

// maxHotBytes bounds the rows that a leader keeps: those of 1,000 campaigns over some weeks, or
// of 25,000 that have just begun.
const maxHotBytes = 64 << 20

// hot holds the rows of the active generations that the leader last committed. They are what
// the store has while the leader alone writes: an operation of the worker's, whose last step
// may write as well, drops them, and so does a commit that fails, since its fold has changed
// them. A row goes when it was in none of the last commits. The goroutine that folds owns it.
type hot struct {
	store readmodel.Store
	max   int // bytes
	// young holds the rows of the last commits; once it is over half of max it becomes old.
	young, old *readmodel.Rows
	tables     []*readmodel.Table
}

func newHot(store readmodel.Store, ps []projections.Projection, bytes int) *hot {
	h := &hot{store: store, max: bytes, tables: projections.Tables(ps)}
	h.drop()
	return h
}

// load is [readmodel.Store.Load] for the rows that are not here.
func (h *hot) load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	rows := keys.Room()
	return rows, h.loadInto(ctx, at, keys, rows)
}

// loadInto adds the rows with the keys, which it takes from these, to rows.
func (h *hot) loadInto(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys, rows *readmodel.Rows) error {
	keys.Take(h.young, rows)
	keys.Take(h.old, rows)
	if keys.Len() == 0 {
		return nil
	}
	loaded, err := h.store.Load(ctx, at, keys)
	if err != nil {
		return err
	}
	if err := checkLoaded(at, loaded); err != nil {
		return err
	}
	rows.Add(loaded)
	return nil
}

// checkLoaded returns [readmodel.ErrFenced] where a row has taken events that this leader has not
// folded: another one wrote it while this process was frozen, and to fold an event onto it again
// would be a broken invariant (I1).
func checkLoaded(at []readmodel.Checkpoint, rows *readmodel.Rows) error {
	for _, some := range rows.All() {
		for _, row := range some {
			if c, ok := row.(*readmodel.CampaignStats); ok && c.Position > at[0].Position {
				return fmt.Errorf("the row of %s is at position %d, beyond %d: %w", c.Campaign, c.Position, at[0].Position, readmodel.ErrFenced)
			}
		}
	}
	return nil
}

// keep keeps rows that were committed.
func (h *hot) keep(rows *readmodel.Rows) {
	if len(rows.Cleared()) > 0 { // rows of these campaigns are gone that may be here
		h.drop()
	}
	h.young.Add(rows)
	switch n := h.young.Bytes(); {
	case n > h.max:
		h.drop()
	case n > h.max/2:
		h.young, h.old = readmodel.NewRows(h.tables...), h.young
	}
}

func (h *hot) drop() { h.young, h.old = readmodel.NewRows(h.tables...), readmodel.NewRows(h.tables...) }
