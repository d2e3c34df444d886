package dashboard

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

// ErrAssumption says that an assumption names no amount, or one out of bounds.
var ErrAssumption = errors.New("unknown amount")

// Assumptions are amounts, by their names on the wire, that replace those of a campaign's
// owner: what if the prize had cost half?
type Assumptions map[string]events.Won

// amounts returns the fields of a row that can be assumed.
func amounts(row *readmodel.CampaignStats) map[string]**events.Won {
	return map[string]**events.Won{
		"prizeCost":             &row.PrizeCost,
		"platformCost":          &row.PlatformCost,
		"expectedSalesIncrease": &row.ExpectedSalesIncrease,
		"baselineSales":         &row.BaselineSales,
		"newCustomerLtv":        &row.NewCustomerLTV,
	}
}

// Validate returns [ErrAssumption] where a name or an amount is not acceptable.
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

// Apply sets the assumed amounts in the row.
func (a Assumptions) Apply(row *readmodel.CampaignStats) {
	at := amounts(row)
	for name, amount := range a {
		*at[name] = &amount
	}
}
