package api

import (
	"github.com/go-json-experiment/json"

	"jangbu/events"
)

// NewWooridongneTV returns a client of 우리동네TV's API:
//
//	GET {base}/stats/{eventId}
//	X-API-Key: …
//
//	{"impressions": 5000, "views": 1200}
func NewWooridongneTV(at Endpoint) *Client {
	return newClient(spec{
		name:     "wooridongnetv",
		channels: []events.Channel{events.WooridongneTV},
		path:     func(campaign string) []string { return []string{"stats", campaign} },
		header:   "X-API-Key",
		decode:   decodeWooridongneTV,
	}, at)
}

func decodeWooridongneTV(body []byte) ([]*events.ChannelStatsFetched, error) {
	var stats struct {
		Impressions *int64 `json:"impressions"`
		Views       *int64 `json:"views"`
	}
	err := json.Unmarshal(body, &stats)
	return []*events.ChannelStatsFetched{
		{Channel: events.WooridongneTV, Impressions: stats.Impressions, Views: stats.Views},
	}, err
}
