package events

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Shops are the shops of campaigns (I4): the one that its last description in effect
// names. A campaign without a description has none yet.
type Shops map[Campaign]Shop

// ShopsOf returns the shops that the descriptions name, of which a later one counts.
func ShopsOf(descriptions []Recorded) Shops {
	s := make(Shops, len(descriptions))
	for i := range descriptions {
		if c, ok := descriptions[i].Event.(*EventCreated); ok {
			s[c.Campaign] = c.Shop
		}
	}
	return s
}

// Other reports whether the event describes a campaign of another shop and does not move
// it. It notes the shop of one that does not.
func (s Shops) Other(e Event) bool {
	c, ok := e.(*EventCreated)
	if !ok {
		return false
	}
	if shop, known := s[c.Campaign]; known && shop != c.Shop && c.MovedBy == "" {
		return true
	}
	s[c.Campaign] = c.Shop
	return false
}

// Described is what a log holds of a campaign's description, in its order: each
// [EventCreated] and [EventsWithdrawn].
type Described []Recorded

// Describe reads the descriptions and withdrawals of a campaign.
func Describe(ctx context.Context, log Log, c Campaign) (Described, error) {
	const page = 1_000
	var all Described
	s := Stream{Campaign: c, Types: RareTypes(), Limit: page}
	for {
		read, err := log.ReadStream(ctx, s)
		if err != nil || len(read) == 0 {
			return all, err
		}
		all = append(all, read...)
		s.After = read[len(read)-1].Position
	}
}

// Withdrawn returns what is withdrawn.
func (d Described) Withdrawn() Withdrawn { return WithdrawnAt(d, math.MaxInt64) }

// Last returns the description in effect; false if there is none.
func (d Described) Last() (at Position, c *EventCreated, ok bool) {
	for _, r := range slices.Backward(d.Withdrawn().InEffect(d)) {
		if c, ok := r.Event.(*EventCreated); ok {
			return r.Position, c, true
		}
	}
	return 0, nil, false
}

// NewMove returns the draft that moves a campaign, as it is described, to another shop.
func NewMove(described EventCreated, to Shop, who, why string, now time.Time) (Draft, error) {
	if to == described.Shop {
		return Draft{}, errors.New("shop: the campaign is that shop's already")
	}
	if problem := idProblem([]byte(to)); problem != "" {
		return Draft{}, fmt.Errorf("shop: %s; expected %s", problem, wantID)
	}
	if p := PersonalInID(string(to)); p != NothingPersonal {
		return Draft{}, fmt.Errorf("shop: is or holds %s; expected %s", p, wantImpersonal)
	}
	if err := checkReason(who, why); err != nil {
		return Draft{}, err
	}
	described.Redacted = false // it is no longer what a producer sent
	described.Shop, described.MovedBy, described.MovedWhy = to, who, why
	d := Draft{OccurredAt: now.UTC().Truncate(time.Microsecond), Event: &described}
	d.Digest = contentDigest(&described)
	d.ID = draftID(&d, &envelope{}, d.OccurredAt)
	return d, nil
}
