package dashboard

import (
	"jangbu/events"
	"jangbu/readmodel"
)

// Goal is what the owner wants a campaign to reach, and how far it has come.
type Goal struct {
	Metric  events.GoalMetric `json:"metric"`
	Target  int64             `json:"target"`
	Reached int64             `json:"reached"`
	// Percent is reached / target × 100.
	Percent  *float64  `json:"percent"`
	Forecast *Forecast `json:"forecast"`
}

// Forecast is what a [Goal]'s metric will be at the campaign's end, and a band that holds it.
type Forecast struct {
	Value int64 `json:"value"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
}

// goal returns the campaign's goal; nil where the owner set none.
func goal(c readmodel.CampaignStats) *Goal {
	g := Goal{Metric: c.GoalMetric, Target: c.GoalTarget}
	switch c.GoalMetric {
	case events.GoalParticipants:
		g.Reached = c.Participants
	case events.GoalNewCustomers:
		g.Reached = c.NewCustomers
	default:
		return nil
	}
	g.Percent = percent(g.Reached, g.Target)
	return &g
}
