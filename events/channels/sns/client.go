package sns

import (
	"context"
	"net/http"
	"net/textproto"
	"time"

	"github.com/go-json-experiment/json"

	"jangbu/events"
	"jangbu/events/channels"
)

var _ channels.Source = (*Client)(nil)

// Client is a client of the API. It is safe for concurrent use.
type Client struct {
	at   channels.Endpoint
	http *http.Client
}

// New returns a client of the API at an endpoint.
func New(at channels.Endpoint) *Client {
	return &Client{at: at, http: &http.Client{
		Transport: &http.Transport{
			DialContext:            at.Dial,
			TLSClientConfig:        at.TLS(),
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a compressed answer could be of any size
			MaxIdleConnsPerHost:    channels.DefaultInFlight,
			MaxResponseHeaderBytes: channels.MaxHeaderBytes,
			IdleConnTimeout:        channels.IdleTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name implements [channels.Source].
func (*Client) Name() string { return "sns" }

// Channels implements [channels.Source].
func (*Client) Channels() []events.Channel {
	return []events.Channel{events.Instagram, events.Naver, events.Kakao}
}

// Fetch implements [channels.Source].
func (c *Client) Fetch(ctx context.Context, campaign events.Campaign) ([]*events.ChannelStatsFetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at.URL("posts", string(campaign), "insights"), nil)
	if err != nil {
		return nil, channels.Unreachable(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.at.Key().Reveal())
	res, err := c.http.Do(req)
	if err != nil {
		return nil, channels.Unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := channels.Answer{Status: res.StatusCode, Header: textproto.MIMEHeader(res.Header), Body: res.Body}.Read(time.Now())
	if err != nil {
		return nil, err
	}
	return decode(body, campaign)
}

// decode reads the body of a good answer. A network that it does not mention is
// not reported on.
func decode(body []byte, campaign events.Campaign) ([]*events.ChannelStatsFetched, error) {
	var said struct {
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
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, channels.Invalid(err)
	}
	var reports []*events.ChannelStatsFetched
	report := func(r events.ChannelStatsFetched) {
		r.Campaign = campaign
		reports = append(reports, &r)
	}
	if s := said.Instagram; s != nil {
		report(events.ChannelStatsFetched{Channel: events.Instagram, Likes: s.Likes, Comments: s.Comments})
	}
	if s := said.Naver; s != nil {
		report(events.ChannelStatsFetched{Channel: events.Naver, Views: s.Views})
	}
	if s := said.Kakao; s != nil {
		report(events.ChannelStatsFetched{Channel: events.Kakao, Shares: s.Shares})
	}
	return reports, nil
}
