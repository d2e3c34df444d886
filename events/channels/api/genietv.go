package api

import (
	"github.com/go-json-experiment/json"

	"jangbu/events"
)

// NewGenieTV returns a client of 지니TV's API:
//
//	GET {base}/campaign/{eventId}/stats
//	X-API-Key: …
//
//	{"adImpressions": 10000, "clicks": 500}
func NewGenieTV(at Endpoint) *Client {
	return newClient(spec{
		name:     "genietv",
		channels: []events.Channel{events.GenieTV},
		path:     func(campaign string) []string { return []string{"campaign", campaign, "stats"} },
		header:   "X-API-Key",
		decode:   decodeGenieTV,
	}, at)
}

func decodeGenieTV(body []byte) ([]*events.ChannelStatsFetched, error) {
	var stats struct {
		AdImpressions *int64 `json:"adImpressions"`
		Clicks        *int64 `json:"clicks"`
	}
	err := json.Unmarshal(body, &stats)
	return []*events.ChannelStatsFetched{
		{Channel: events.GenieTV, Impressions: stats.AdImpressions, Clicks: stats.Clicks},
	}, err
}
