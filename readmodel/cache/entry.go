package cache

import (
	"fmt"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// entry is what was read of one campaign or one shop. Only its proof changes.
type entry struct {
	name string

	rows    readmodel.CampaignRows   // of a campaign
	stats   *readmodel.CampaignStats // of rows, by which scopes are applied
	missing bool                     // the campaign does not exist
	list    []readmodel.ShopCampaign // of a shop
	shop    events.Shop              // whose campaign it is, of an owner's entry; empty: none is known

	// exact says that the first proof has the very revision of the read, which only
	// a campaign's rows carry. Otherwise it has one that may be lower.
	exact bool

	proof atomic.Pointer[proof] // replaced by compare-and-swap
}

// proof says how long an entry is known to equal a direct read. The package comment
// explains why. It is immutable.
type proof struct {
	// through is a revision up to which the entry is known to be unchanged.
	through readmodel.Revision
	// asOf is a moment up to which no read of the rows returned anything newer.
	asOf time.Time
	// seen is the state of the revision log by which both were last judged.
	seen *logState
}

func newEntry(name string, through readmodel.Revision, asOf time.Time) *entry {
	e := &entry{name: name}
	e.proof.Store(&proof{through: through, asOf: asOf})
	return e
}

func rowsEntry(name string, rows readmodel.CampaignRows, asOf time.Time) *entry {
	e := newEntry(name, rows.Revision, asOf)
	e.rows, e.stats, e.exact = rows, rows.Campaign(), true
	return e
}

// advance records that the entry was current at a moment.
func (e *entry) advance(asOf time.Time) {
	for {
		p := e.proof.Load()
		if !asOf.After(p.asOf) || e.proof.CompareAndSwap(p, &proof{p.through, asOf, p.seen}) {
			return
		}
	}
}

// allows reports whether there is the campaign, and the scope allows it (I12).
func (e *entry) allows(by readmodel.Scope) bool { return !e.missing && by.Allows(*e.stats) }

// campaign returns a campaign's rows if the scope allows them (I12).
func (e *entry) campaign(by readmodel.Scope) (readmodel.CampaignRows, error) {
	if !e.allows(by) {
		return readmodel.CampaignRows{}, notFound(e.name)
	}
	return e.rows, nil
}

// notFound is the error of a missing campaign and of a foreign one, which must look exactly
// like it.
func notFound(name string) error {
	return fmt.Errorf("read campaign %q: %w", name, readmodel.ErrNotFound)
}

// campaigns returns those of a shop that the scope allows (I12).
func (e *entry) campaigns(by readmodel.Scope) []readmodel.ShopCampaign {
	for i := range e.list {
		if by.Allows(e.list[i].Campaign) {
			continue
		}
		var allowed []readmodel.ShopCampaign
		for _, c := range e.list {
			if by.Allows(c.Campaign) {
				allowed = append(allowed, c)
			}
		}
		return allowed
	}
	return e.list
}

// Since returns the time from t to now by the monotonic or the wall clock, whichever
// says more: the monotonic clock may stop while the machine sleeps, and the wall clock
// may be set back.
func Since(now, t time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
