package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
)

const (
	// maxHeaderBytes is the longest header of an answer.
	maxHeaderBytes = 64 << 10
	// idleTimeout is how long an idle connection is kept.
	idleTimeout = 90 * time.Second
)

var _ channels.Source = (*Client)(nil)

// Client is a client of one channel API. It is safe for concurrent use.
type Client struct {
	spec
	at   Endpoint
	http *http.Client
}

// spec is what distinguishes one API from another.
type spec struct {
	name     string
	channels []events.Channel
	// path returns the elements of a campaign's path below the base URL.
	path func(campaign string) []string
	// header carries the key, after keyPrefix.
	header, keyPrefix string
	// decode returns the reports of an answer, without their campaign.
	decode func(body []byte) ([]*events.ChannelStatsFetched, error)
}

func newClient(s spec, at Endpoint) *Client {
	return &Client{spec: s, at: at, http: &http.Client{
		Transport: &http.Transport{
			DialContext:            at.dial,
			TLSClientConfig:        at.tls(),
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // the size of a compressed answer has no bound
			MaxIdleConnsPerHost:    channels.DefaultConcurrency,
			MaxResponseHeaderBytes: maxHeaderBytes,
			IdleConnTimeout:        idleTimeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name implements [channels.Source].
func (c *Client) Name() string { return c.name }

// Channels implements [channels.Source].
func (c *Client) Channels() []events.Channel { return c.channels }

// Fetch implements [channels.Source].
func (c *Client) Fetch(ctx context.Context, campaign events.Campaign) ([]*events.ChannelStatsFetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at.url(c.path(string(campaign))...), nil)
	if err != nil {
		return nil, unreachable(err)
	}
	req.Header.Set(c.header, c.keyPrefix+c.at.key.reveal())
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := read(res, time.Now())
	if err != nil {
		return nil, err
	}
	reports, err := c.decode(body)
	if err != nil {
		// The decoder's error may quote the answer, at any length.
		return nil, fmt.Errorf("%w: it breaks the API's contract", channels.ErrInvalid)
	}
	for _, r := range reports {
		r.Campaign = campaign
	}
	return reports, nil
}
