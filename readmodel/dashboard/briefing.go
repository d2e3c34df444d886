package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Briefing is the [Digest] of a campaign and the numbers that it speaks of, for a message to
// its owner. It has members of the [Dashboard], with the same JSON.
type Briefing struct {
	Campaign   events.Campaign `json:"eventId"`
	Shop       *events.Shop    `json:"storeId"`
	Title      *string         `json:"title"`
	State      State           `json:"state"`
	Position   events.Position `json:"position"`
	UpdatedAt  *time.Time      `json:"updatedAt"`
	Digest     Digest          `json:"digest"`
	Summary    Summary         `json:"summary"`
	Comparison *Comparison     `json:"comparison"`
	Goal       *Goal           `json:"goal"`
}

// NewBriefing returns the campaign's briefing in a view that [View.Validate] accepts. It holds
// for as long as the dashboard does.
func NewBriefing(rows readmodel.CampaignRows, v View) Briefing {
	d := New(rows, v)
	return Briefing{d.Campaign, d.Shop, d.Title, d.State, d.Position, d.UpdatedAt, d.Digest, d.Summary, d.Comparison, d.Goal}
}
