package readmodel

import (
	"slices"

	"jangbu/events"
)

// Asked is the campaigns that a store is asked for at once, as a range that it reads.
type Asked struct {
	// First and Last are the ends of the range, by bytes; empty where no campaign is asked for.
	First, Last events.Campaign

	sorted []events.Campaign
}

// NewAsked returns the campaigns as a range.
func NewAsked(of []events.Campaign) Asked {
	if len(of) == 0 {
		return Asked{}
	}
	sorted := slices.Sorted(slices.Values(of))
	return Asked{First: sorted[0], Last: sorted[len(sorted)-1], sorted: sorted}
}

// Has reports whether the campaign is one of them.
func (a Asked) Has(c events.Campaign) bool {
	_, found := slices.BinarySearch(a.sorted, c)
	return found
}
