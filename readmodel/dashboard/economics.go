package dashboard

import (
	"jangbu/events"
	"jangbu/readmodel"
)

// Economics is what a campaign costs and promises, in won. An amount that the owner did not
// give is nil, and so is one that does not fit or that is computed from an unknown one (I8).
type Economics struct {
	PrizeCost    *events.Won `json:"prizeCost"`
	PlatformCost *events.Won `json:"platformCost"`
	// DistributionCost is the sum of the costs that distributions stated; nil where there
	// were distributions and none stated a cost.
	DistributionCost *events.Won `json:"distributionCost"`
	// TotalCost is the sum of the three above. A distribution without a stated cost counts
	// as 0 in it.
	TotalCost      *events.Won `json:"totalCost"`
	SalesIncrease  *events.Won `json:"salesIncrease"`
	BaselineSales  *events.Won `json:"baselineSales"` // what SalesIncrease is compared with
	NewCustomers   int64       `json:"newCustomers"`
	NewCustomerLTV *events.Won `json:"newCustomerLtv"` // per new customer
	// ExpectedRevenue is sales increase + new customers × LTV. Where the owner gave one of
	// the two, the other counts as 0 in it.
	ExpectedRevenue *events.Won `json:"expectedRevenue"`
	// BreakEvenNewCustomers is the smallest number of new customers with which the expected
	// revenue reaches the total cost; nil where no number of them does, or it is not known.
	BreakEvenNewCustomers *int64 `json:"breakEvenNewCustomers"`
}

// account returns the campaign's amounts and the inputs that are missing for them.
func account(c readmodel.CampaignStats, channels []readmodel.ChannelStats) (e Economics, missing []Input) {
	missing = []Input{}
	lacks := func(absent bool, input Input) {
		if absent {
			missing = append(missing, input)
		}
	}
	e = Economics{
		PrizeCost: c.PrizeCost, PlatformCost: c.PlatformCost, SalesIncrease: c.ExpectedSalesIncrease,
		BaselineSales: c.BaselineSales, NewCustomers: c.NewCustomers, NewCustomerLTV: c.NewCustomerLTV,
	}
	lacks(c.PrizeCost == nil, MissingPrizeCost)
	lacks(c.PlatformCost == nil, MissingPlatformCost)
	lacks(c.BaselineSales == nil, MissingBaseline)
	lacks(c.ExpectedSalesIncrease == nil, MissingIncrease)
	lacks(c.NewCustomerLTV == nil && c.ExpectedSalesIncrease == nil, MissingLTV)

	distribution, stated, unstated := distributionCost(channels)
	lacks(unstated, MissingDistributionCost)
	if stated || !unstated {
		e.DistributionCost = shown(distribution)
	}
	overflow := distribution == readmodel.WonOverflow
	if c.PrizeCost != nil && c.PlatformCost != nil {
		cost := readmodel.AddWon(readmodel.AddWon(*c.PrizeCost, *c.PlatformCost), distribution)
		e.TotalCost, overflow = shown(cost), overflow || cost == readmodel.WonOverflow
	}
	if c.ExpectedSalesIncrease != nil || c.NewCustomerLTV != nil {
		revenue := readmodel.AddWon(orZero(c.ExpectedSalesIncrease), readmodel.MulWon(orZero(c.NewCustomerLTV), c.NewCustomers))
		e.ExpectedRevenue, overflow = shown(revenue), overflow || revenue == readmodel.WonOverflow
	}
	lacks(overflow, MissingAmounts)
	e.BreakEvenNewCustomers = e.breakEven()
	return e, missing
}

// distributionCost returns the sum of the costs that distributions stated, whether any did,
// and whether any did not.
func distributionCost(channels []readmodel.ChannelStats) (sum events.Won, stated, unstated bool) {
	for _, row := range channels {
		if row.Cost != nil {
			sum, stated = readmodel.AddWon(sum, *row.Cost), true
		} else if !row.DistributedAt.IsZero() {
			unstated = true
		}
	}
	return sum, stated, unstated
}

// breakEven returns the number of new customers that pays for the campaign.
func (e Economics) breakEven() *int64 {
	if e.TotalCost == nil || e.SalesIncrease == nil && e.NewCustomerLTV == nil {
		return nil
	}
	gap, ltv := *e.TotalCost-orZero(e.SalesIncrease), orZero(e.NewCustomerLTV)
	switch {
	case gap <= 0:
		return new(int64)
	case ltv == 0:
		return nil
	}
	n := int64((gap-1)/ltv + 1)
	return &n
}

// perHead returns the cost of one of n participants, halves away from zero; nil where there
// is none or the cost is unknown.
func perHead(cost *events.Won, n int64) *events.Won {
	if cost == nil || n <= 0 {
		return nil
	}
	each, rest := *cost/events.Won(n), *cost%events.Won(n)
	if rest >= events.Won(n)-rest {
		each++
	}
	return &each
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
