package readmodel

import "strings"

// ShopPageKind tells the statements of a [ShopPage] from each other.
type ShopPageKind struct {
	Order      ShopOrder
	Descending bool
	First      bool // it begins after no campaign
}

// Kind returns that of the page.
func (p ShopPage) Kind() ShopPageKind { return ShopPageKind{p.Order, p.Descending, p.After == ""} }

// ShopPageSQL is what the databases write differently in the statements of a [ShopPage].
type ShopPageSQL struct {
	// After and Value are the parameters with what the page has there; NoAfter and NoValue are
	// true of an empty one and of 0.
	After, Value, NoAfter, NoValue string
	// ByUpdate is the second of the column updated_at.
	ByUpdate string
	// ListedKey and ListedCampaign name what a subquery has selected as {key} and the campaign.
	ListedKey, ListedCampaign string
}

// Kinds returns for each kind of page a function that replaces, in a statement over the table of
// campaigns, {key} by what sorts them, {order} by their order, {after} by the condition that they
// are on the page or after it, and {listed} by the order of what a subquery has selected. No order but
// that of ids has an index: that of participants or updates would be written with every commit, and
// the campaigns of one shop are few beside those. The database sorts them and returns the page alone.
func (q ShopPageSQL) Kinds() map[ShopPageKind]func(statement string) string {
	all := make(map[ShopPageKind]func(string) string)
	for order, key := range map[ShopOrder]string{ByCampaign: "campaign", ByParticipants: "participants", ByUpdate: q.ByUpdate} {
		for _, descending := range []bool{false, true} {
			beyond, direction := " > ", " ASC"
			if descending {
				beyond, direction = " < ", " DESC"
			}
			sorted := func(key, campaign string) string { return key + direction + " NULLS LAST, " + campaign }
			after, first := "("+key+beyond+q.Value+" OR "+key+" = "+q.Value+" AND campaign > "+q.After+" OR "+key+" IS NULL)", q.NoAfter+" AND "+q.NoValue
			if order == ByCampaign {
				sorted = func(key, _ string) string { return key + direction }
				after, first = key+beyond+q.After, q.NoAfter
			}
			for _, where := range []string{after, first} { // which is true of the first page: the statements have the same parameters
				all[ShopPageKind{order, descending, where == first}] = strings.NewReplacer(
					"{after}", where, "{key}", key, "{order}", sorted(key, "campaign"), "{listed}", sorted(q.ListedKey, q.ListedCampaign),
				).Replace
			}
		}
	}
	return all
}
