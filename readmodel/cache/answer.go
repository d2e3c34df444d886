package cache

import (
	"fmt"
	"sync/atomic"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// answer is what was read of one campaign or one shop. It never changes; what is
// known of it does.
type answer struct {
	name string

	rows    readmodel.CampaignRows   // of a campaign
	missing bool                     // there is no such campaign
	list    []readmodel.ShopCampaign // of a shop

	// exact: the proof began at the very revision that was read, which only a
	// campaign's rows tell. Otherwise it began at one that may be lower.
	exact bool
	// sweeping: no notice names it, so that any commit may change it.
	sweeping bool

	proof atomic.Pointer[proof]
}

// proof says for how long an answer is known to be what a direct read returns.
// See the package's comment for why it is one.
type proof struct {
	// through: the answer is that of a revision no lower than this one.
	through readmodel.Revision
	// asOf: what a read returned that ended before this moment is no newer.
	asOf time.Time
	// seen is the state of knowledge that both were last judged by.
	seen *state
}

func newAnswer(name string, through readmodel.Revision, asOf time.Time) *answer {
	a := &answer{name: name}
	a.proof.Store(&proof{through: through, asOf: asOf})
	return a
}

// advance notes that the answer was current as of a moment.
func (a *answer) advance(asOf time.Time) {
	for {
		p := a.proof.Load()
		if !asOf.After(p.asOf) || a.proof.CompareAndSwap(p, &proof{p.through, asOf, p.seen}) {
			return
		}
	}
}

// campaign returns a campaign's rows if the scope allows them (I12).
func (a *answer) campaign(by readmodel.Scope) (readmodel.CampaignRows, error) {
	if a.missing || !by.Allows(a.rows.Event) {
		return readmodel.CampaignRows{}, notFound(events.Campaign(a.name))
	}
	return a.rows, nil
}

// campaigns returns those of a shop that the scope allows.
func (a *answer) campaigns(by readmodel.Scope) []readmodel.ShopCampaign {
	for i := range a.list {
		if by.Allows(a.list[i].Event) {
			continue
		}
		var allowed []readmodel.ShopCampaign
		for _, c := range a.list {
			if by.Allows(c.Event) {
				allowed = append(allowed, c)
			}
		}
		return allowed
	}
	return a.list
}

// notFound is what both a missing campaign and somebody else's are answered with.
func notFound(c events.Campaign) error {
	return fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
}

// since returns how long ago t was, by the clock that says more: the monotonic one
// may stand still while the machine sleeps, and the other may be set back.
func since(now, t time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
