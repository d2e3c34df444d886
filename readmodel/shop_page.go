package readmodel

import "jangbu/events"

// ShopCampaign is a campaign in the list of a shop: the rows that its numbers are computed from.
type ShopCampaign struct {
	Campaign CampaignStats
	Channels []ChannelStats // sorted by channel, by bytes
}

// ShopPage selects campaigns of a shop, in an order.
type ShopPage struct {
	Order      ShopOrder
	Descending bool
	// After and Value are the id and, unless it sorts by id, the value of the campaign that the
	// page begins after, which has a value. Empty: from the first.
	After events.Campaign
	Value int64
	Limit int
}

// ShopOrder is what sorts the campaigns of a [ShopPage]: what a column holds. Those that have no
// value come last in both directions, and equal ones are sorted by id, ascending.
type ShopOrder uint8

// The orders.
const (
	ByCampaign     ShopOrder = iota // by id, by bytes
	ByParticipants                  // by CampaignStats.Participants
	ByUpdate                        // by the second of CampaignStats.UpdatedAt; none where that is zero
)

// Value returns what sorts a campaign; false where it has no value, or the order is by id.
func (o ShopOrder) Value(c CampaignStats) (value int64, ok bool) {
	switch o {
	case ByParticipants:
		return c.Participants, true
	case ByUpdate:
		return c.UpdatedAt.Unix(), !c.UpdatedAt.IsZero()
	default:
		return 0, false
	}
}
