package api

import (
	"github.com/go-json-experiment/json"

	"jangbu/events"
)

// NewSNS returns a client of the API that gathers the social networks, three channels
// in one answer:
//
//	GET {base}/posts/{eventId}/insights
//	Authorization: Bearer …
//
//	{"instagram": {"likes": 300, "comments": 50}, "naver": {"views": 2000}, "kakao": {"shares": 100}}
func NewSNS(at Endpoint) *Client {
	return newClient(spec{
		name:      "sns",
		channels:  []events.Channel{events.Instagram, events.Naver, events.Kakao},
		path:      func(campaign string) []string { return []string{"posts", campaign, "insights"} },
		header:    "Authorization",
		keyPrefix: "Bearer ",
		decode:    decodeSNS,
	}, at)
}

// decodeSNS reports only on the networks that the answer mentions.
func decodeSNS(body []byte) (reports []*events.ChannelStatsFetched, err error) {
	var insights struct {
		Instagram *struct {
			Likes    *int64 `json:"likes"`
			Comments *int64 `json:"comments"`
		} `json:"instagram"`
		Naver *struct {
			Views *int64 `json:"views"`
		} `json:"naver"`
		Kakao *struct {
			Shares *int64 `json:"shares"`
		} `json:"kakao"`
	}
	err = json.Unmarshal(body, &insights)
	if s := insights.Instagram; s != nil {
		reports = append(reports, &events.ChannelStatsFetched{Channel: events.Instagram, Likes: s.Likes, Comments: s.Comments})
	}
	if s := insights.Naver; s != nil {
		reports = append(reports, &events.ChannelStatsFetched{Channel: events.Naver, Views: s.Views})
	}
	if s := insights.Kakao; s != nil {
		reports = append(reports, &events.ChannelStatsFetched{Channel: events.Kakao, Shares: s.Shares})
	}
	return reports, err
}
