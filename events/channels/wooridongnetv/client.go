package wooridongnetv

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
func (*Client) Name() string { return "wooridongnetv" }

// Channels implements [channels.Source].
func (*Client) Channels() []events.Channel { return []events.Channel{events.WooridongneTV} }

// Fetch implements [channels.Source].
func (c *Client) Fetch(ctx context.Context, campaign events.Campaign) ([]*events.ChannelStatsFetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at.URL("stats", string(campaign)), nil)
	if err != nil {
		return nil, channels.Unreachable(err)
	}
	req.Header.Set("X-API-Key", c.at.Key().Reveal())
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

// decode reads the body of a good answer.
func decode(body []byte, campaign events.Campaign) ([]*events.ChannelStatsFetched, error) {
	var said struct {
		Impressions *int64 `json:"impressions"`
		Views       *int64 `json:"views"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, channels.Invalid(err)
	}
	return []*events.ChannelStatsFetched{{
		Campaign: campaign, Channel: events.WooridongneTV, Impressions: said.Impressions, Views: said.Views,
	}}, nil
}
