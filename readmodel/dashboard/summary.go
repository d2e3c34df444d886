package dashboard

import (
	"jangbu/events"
	"jangbu/readmodel"
)

// Summary is the four numbers at the top of a [Dashboard] and on a [Card].
type Summary struct {
	TotalParticipants int64 `json:"totalParticipants"`
	// TotalExposure is the sum of the channels' exposure. A channel without a known
	// exposure adds 0.
	TotalExposure int64 `json:"totalExposure"`
	// ROIPercent is (expected revenue - total cost) / total cost × 100.
	ROIPercent *float64 `json:"roiPercent"`
	// SalesGrowthPercent is sales increase / baseline × 100.
	SalesGrowthPercent *float64 `json:"salesGrowthPercent"`
}

// Economics is what a campaign costs and promises, in won. An amount that the owner did not
// give is 0, except the baseline, which is nil. An amount that does not fit is nil.
type Economics struct {
	PrizeCost        events.Won  `json:"prizeCost"`
	PlatformCost     events.Won  `json:"platformCost"`
	DistributionCost *events.Won `json:"distributionCost"` // sum over all channels
	TotalCost        *events.Won `json:"totalCost"`        // sum of the three above
	SalesIncrease    events.Won  `json:"salesIncrease"`
	BaselineSales    *events.Won `json:"baselineSales"` // what SalesIncrease is compared with
	NewCustomers     int64       `json:"newCustomers"`
	NewCustomerLTV   events.Won  `json:"newCustomerLtv"`  // per new customer
	ExpectedRevenue  *events.Won `json:"expectedRevenue"` // sales increase + new customers × LTV
}

// account does the arithmetic of a campaign, for its dashboard and its card.
func account(c readmodel.CampaignStats, channels []readmodel.ChannelStats) (Summary, Economics) {
	summary := Summary{TotalParticipants: c.Participants}
	var distribution events.Won
	for _, ch := range channels {
		distribution = readmodel.AddWon(distribution, orZero(ch.Cost))
		if e := exposure(ch); e != nil && hasView(ch) {
			summary.TotalExposure += *e
		}
	}
	cost := readmodel.AddWon(readmodel.AddWon(orZero(c.PrizeCost), orZero(c.PlatformCost)), distribution)
	revenue := readmodel.AddWon(orZero(c.ExpectedSalesIncrease), readmodel.MulWon(orZero(c.NewCustomerLTV), c.NewCustomers))

	// Costs and promises are unknown until the creation of the campaign has been seen,
	// even where its distribution has a cost.
	if c.Known && cost != readmodel.WonOverflow && revenue != readmodel.WonOverflow {
		summary.ROIPercent = percent(int64(revenue-cost), int64(cost))
	}
	if c.ExpectedSalesIncrease != nil && c.BaselineSales != nil {
		summary.SalesGrowthPercent = percent(int64(*c.ExpectedSalesIncrease), int64(*c.BaselineSales))
	}
	return summary, Economics{
		PrizeCost:        orZero(c.PrizeCost),
		PlatformCost:     orZero(c.PlatformCost),
		DistributionCost: shown(distribution),
		TotalCost:        shown(cost),
		SalesIncrease:    orZero(c.ExpectedSalesIncrease),
		BaselineSales:    c.BaselineSales,
		NewCustomers:     c.NewCustomers,
		NewCustomerLTV:   orZero(c.NewCustomerLTV),
		ExpectedRevenue:  shown(revenue),
	}
}

// exposure returns the channel's impressions, or its views where it reports no
// impressions; nil where it reported neither.
func exposure(row readmodel.ChannelStats) *int64 {
	if row.Impressions.Known() {
		return reported(row.Impressions)
	}
	return reported(row.Views)
}

// shown returns the amount; nil where it does not fit (I11).
func shown(a events.Won) *events.Won {
	if a == readmodel.WonOverflow {
		return nil
	}
	return &a
}

func orZero(a *events.Won) events.Won {
	if a == nil {
		return 0
	}
	return *a
}
