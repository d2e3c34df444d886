package dashboard

import (
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

// Summary is the numbers at the top of a [Dashboard] and on a [Card].
type Summary struct {
	TotalParticipants int64 `json:"totalParticipants"`
	// TotalExposure is the sum of the channels' known exposures; nil where none is known.
	TotalExposure *int64 `json:"totalExposure"`
	// ROIPercent is (expected revenue - total cost) / total cost × 100. It rests on what the
	// owner expects. Nil before the campaign starts and while it has no participants.
	ROIPercent *float64 `json:"roiPercent"`
	// SalesGrowthPercent is sales increase / baseline × 100, both as the owner expects them.
	SalesGrowthPercent *float64 `json:"salesGrowthPercent"`
	// CostPerParticipant is total cost / participants, in won, halves away from zero.
	CostPerParticipant *events.Won `json:"costPerParticipant"`
	// TotalCost is that of the [Economics].
	TotalCost *events.Won `json:"totalCost"`
	// Missing names the inputs whose absence makes a number above null or incomplete, in
	// the order of their bytes.
	Missing []Input `json:"missing"`
}

// Input is something that a number of a [Summary] is computed from.
type Input string

// The inputs that can be missing.
const (
	MissingAmounts          Input = "amounts" // an amount is beyond what fits
	MissingBaseline         Input = "baselineSales"
	MissingDistributionCost Input = "distributionCost" // a distribution without a stated cost
	MissingIncrease         Input = "expectedSalesIncrease"
	MissingExposure         Input = "exposure" // no channel has a known exposure
	MissingLTV              Input = "newCustomerLtv"
	MissingPlatformCost     Input = "platformCost"
	MissingPrizeCost        Input = "prizeCost"
)

// summarize does the arithmetic of a campaign, for its dashboard and its card.
func summarize(c readmodel.CampaignStats, channels []readmodel.ChannelStats, v View) (Summary, Economics) {
	e, unknown := account(c, channels)
	s := Summary{TotalParticipants: c.Participants, TotalExposure: totalExposure(channels)}
	if s.TotalExposure == nil {
		unknown = append(unknown, MissingExposure)
	}
	if v.state(c) != Planned && c.Participants > 0 && e.TotalCost != nil && e.ExpectedRevenue != nil {
		s.ROIPercent = percent(int64(*e.ExpectedRevenue-*e.TotalCost), int64(*e.TotalCost))
	}
	if c.ExpectedSalesIncrease != nil && c.BaselineSales != nil {
		s.SalesGrowthPercent = percent(int64(*c.ExpectedSalesIncrease), int64(*c.BaselineSales))
	}
	s.CostPerParticipant, s.TotalCost = perHead(e.TotalCost, c.Participants), e.TotalCost
	slices.Sort(unknown)
	s.Missing = slices.Compact(unknown)
	return s, e
}

// totalExposure returns the sum of the channels' known exposures; nil where none is known.
func totalExposure(channels []readmodel.ChannelStats) *int64 {
	var sum *int64
	for _, row := range channels {
		if e := exposure(row); e != nil && events.Channel(row.Channel).Known() {
			if sum == nil {
				sum = new(int64)
			}
			*sum += *e // five figures, each at most 2^53
		}
	}
	return sum
}

// exposure returns how often the channel showed the campaign: the larger of its impressions
// and its views where it has reported both, so that it does not fall when the first
// impressions arrive; nil where it reported neither.
func exposure(row readmodel.ChannelStats) *int64 {
	impressions, views := reported(row.Impressions), reported(row.Views)
	if impressions == nil || views != nil && *views > *impressions {
		return views
	}
	return impressions
}
