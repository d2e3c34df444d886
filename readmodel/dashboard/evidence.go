package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Sentinels of [Evidence].
var (
	// ErrNumber says that a [Number] is none that is explained.
	ErrNumber = errors.New("unknown number")
	// ErrEvidence says that the events behind a number do not make it.
	ErrEvidence = errors.New("number without its events")
)

// Number names a number of a [Summary] by its member.
type Number string

// The numbers.
const (
	TotalParticipants  Number = "totalParticipants"
	TotalExposure      Number = "totalExposure"
	ROIPercent         Number = "roiPercent"
	SalesGrowthPercent Number = "salesGrowthPercent"
	CostPerParticipant Number = "costPerParticipant"
)

// Numbers returns all numbers.
func Numbers() []Number {
	return []Number{TotalParticipants, TotalExposure, ROIPercent, SalesGrowthPercent, CostPerParticipant}
}

// Types returns the types of the events that the number is made of; none where it is unknown.
func (n Number) Types() []events.Type {
	return map[Number][]events.Type{
		TotalParticipants:  {events.TypeParticipantRegistered},
		TotalExposure:      {events.TypeChannelStatsFetched},
		ROIPercent:         {events.TypeEventCreated, events.TypeDistributionCompleted},
		SalesGrowthPercent: {events.TypeEventCreated},
		CostPerParticipant: {events.TypeEventCreated, events.TypeDistributionCompleted},
	}[n]
}

// Evidence is what a number of a campaign is made of. What it counts comes from the same rows
// as the number, so that the parts make the whole.
type Evidence struct {
	Campaign events.Campaign `json:"eventId"`
	Number   Number          `json:"card"`
	Total    any             `json:"total"` // as in the [Summary]
	// ByHour holds the intervals that have participants. Together with Outside they are all
	// participants. Interval is an hour, or longer where the campaign would have more than
	// MaxBuckets of them.
	ByHour    []Bucket          `json:"byHour"`
	Interval  Interval          `json:"interval"`
	Outside   Outside           `json:"outside"`
	ByChannel []EvidenceChannel `json:"byChannel"`
	// Events is a page of the events, in the log's order; nil where the reader may not see
	// them. Next is the cursor of the next page; nil where there is none.
	Events []EvidenceEvent `json:"events"`
	Next   *string         `json:"next"`
}

// EvidenceChannel is what of a number came by a channel. The participants of all are the
// campaign's, the known exposures its exposure, the known costs its distribution cost.
type EvidenceChannel struct {
	Channel      events.Channel `json:"channel"`
	Participants int64          `json:"participants"`
	Exposure     *int64         `json:"exposure"`
	Cost         *events.Won    `json:"cost"`
}

// EvidenceEvent is an event behind a number. It has no member for anything that a person could
// be known by (I10).
type EvidenceEvent struct {
	Position   events.Position `json:"position"`
	Type       string          `json:"type"`
	OccurredAt *time.Time      `json:"occurredAt"`
	RecordedAt *time.Time      `json:"recordedAt"`
	// Channel is that of a registration, or of figures; nil for events of another type.
	Channel *events.Channel `json:"channel"`
	// Topic, Partition and Offset name the Kafka record; nil where none is known.
	Topic     *string `json:"topic"`
	Partition *int32  `json:"partition"`
	Offset    *int64  `json:"offset"`
	// Figures are of a ChannelStatsFetched, Amounts of an EventCreated, Costs of a
	// DistributionCompleted; nil otherwise.
	Figures *EvidenceFigures `json:"figures"`
	Amounts *EvidenceAmounts `json:"amounts"`
	Costs   []EvidenceCost   `json:"costs"`
}

// EvidenceFigures are the figures of which exposure is made; nil: not reported.
type EvidenceFigures struct {
	Impressions *int64 `json:"impressions"`
	Views       *int64 `json:"views"`
}

// EvidenceAmounts are the amounts of a description; nil: not given. Of several descriptions
// the last one counts.
type EvidenceAmounts struct {
	PrizeCost             *events.Won `json:"prizeCost"`
	PlatformCost          *events.Won `json:"platformCost"`
	ExpectedSalesIncrease *events.Won `json:"expectedSalesIncrease"`
	BaselineSales         *events.Won `json:"baselineSales"`
	NewCustomerLTV        *events.Won `json:"newCustomerLtv"`
}

// EvidenceCost is what a distribution to a channel cost; nil: not stated.
type EvidenceCost struct {
	Channel events.Channel `json:"channel"`
	Cost    *events.Won    `json:"cost"`
}

// NewEvidence returns what a number of the campaign is made of, without events. [ErrNumber]
// where the number is unknown.
func NewEvidence(rows readmodel.CampaignRows, n Number, v View) (Evidence, error) {
	v = v.withDefaults()
	campaign := *rows.Campaign()
	sum, _ := summarize(campaign, rows.Channels(), v)
	total, known := map[Number]any{
		TotalParticipants: sum.TotalParticipants, TotalExposure: sum.TotalExposure, ROIPercent: sum.ROIPercent,
		SalesGrowthPercent: sum.SalesGrowthPercent, CostPerParticipant: sum.CostPerParticipant,
	}[n]
	if !known {
		return Evidence{}, fmt.Errorf("card: %w: expected one of %v", ErrNumber, Numbers())
	}
	e := Evidence{Campaign: campaign.Campaign, Number: n, Total: total, ByChannel: []EvidenceChannel{}}
	v.Interval = Hourly
	e.ByHour, e.Interval, e.Outside = trend(rows.Hours(), campaign, v)
	e.ByHour = slices.DeleteFunc(e.ByHour, func(b Bucket) bool { return b.Participants == 0 })
	for _, c := range channelViews(campaign, rows.Channels(), v) {
		e.ByChannel = append(e.ByChannel, EvidenceChannel{c.Channel, c.Participants, c.Exposure, c.Cost})
	}
	return e, nil
}

// Check returns [ErrEvidence] where the fold of the events behind the number, and of no others but
// registrations, does not make it.
func (e Evidence) Check(folded readmodel.CampaignRows, v View) error {
	made, err := NewEvidence(folded, e.Number, v)
	if err != nil {
		return err
	}
	if made, total := made.Whole(), e.Whole(); made != total {
		return fmt.Errorf("%w: %s of campaign %q is %s, and its events make %s", ErrEvidence, e.Number, e.Campaign, total, made)
	}
	return nil
}

// Whole returns the total as in JSON.
func (e Evidence) Whole() string {
	text, _ := json.Marshal(e.Total) // a number, or nil
	return string(text)
}

// EvidenceEvents returns what of the events may be shown.
func EvidenceEvents(of []events.Recorded, v View) []EvidenceEvent {
	v = v.withDefaults()
	all := make([]EvidenceEvent, len(of))
	for i, r := range of {
		e := EvidenceEvent{
			Position: r.Position, Type: r.Event.Type().String(), OccurredAt: v.local(r.OccurredAt), RecordedAt: v.local(r.RecordedAt),
			Channel: channelOf(r.Event),
		}
		if o := r.Origin; o.Known() {
			e.Topic, e.Partition, e.Offset = &o.Topic, &o.Partition, &o.Offset
		}
		switch fact := r.Event.(type) {
		case *events.ChannelStatsFetched:
			e.Figures = &EvidenceFigures{fact.Impressions, fact.Views}
		case *events.EventCreated:
			e.Amounts = &EvidenceAmounts{fact.PrizeCost, fact.PlatformCost, fact.ExpectedSalesIncrease, fact.BaselineSales, fact.NewCustomerLTV}
		case *events.DistributionCompleted:
			e.Costs = make([]EvidenceCost, len(fact.Channels))
			for k, d := range fact.Channels {
				e.Costs[k] = EvidenceCost{d.Channel, d.Cost}
			}
		case *events.ParticipantRegistered, *events.EventsWithdrawn: // the latter is of no number
		}
		all[i] = e
	}
	return all
}
