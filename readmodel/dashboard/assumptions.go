package dashboard

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

// ErrAssumption says that an assumption is about nothing that can be assumed.
var ErrAssumption = errors.New("unknown amount")

// Assumptions are amounts to be put in the place of those that a campaign's owner
// gave, by their names on the wire: what if the prize had cost half?
type Assumptions map[string]events.Won

// amounts are where a row keeps what can be assumed.
func amounts(row *readmodel.CampaignStats) map[string]**events.Won {
	return map[string]**events.Won{
		"prizeCost":             &row.PrizeCost,
		"platformCost":          &row.PlatformCost,
		"expectedSalesIncrease": &row.ExpectedSalesIncrease,
		"baselineSales":         &row.BaselineSales,
		"newCustomerLtv":        &row.NewCustomerLTV,
	}
}

// Validate returns [ErrAssumption] where one is about no amount, or is negative.
func (a Assumptions) Validate() error {
	known := amounts(&readmodel.CampaignStats{})
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if known[name] == nil {
			return fmt.Errorf("%w %q: expected one of %v", ErrAssumption, name, slices.Sorted(maps.Keys(known)))
		}
		if a[name] < 0 || a[name] > events.MaxWon {
			return fmt.Errorf("%w: %s is %d, expected 0 to %d", ErrAssumption, name, a[name], int64(events.MaxWon))
		}
	}
	return nil
}

// Apply puts the assumed amounts into the row.
func (a Assumptions) Apply(row *readmodel.CampaignStats) {
	at := amounts(row)
	for name, amount := range a {
		*at[name] = &amount
	}
}
