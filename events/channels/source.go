package channels

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
)

// Source is one channel API. It is safe for concurrent use.
type Source interface {
	// Name returns the API's name in metrics and log lines.
	Name() string
	// Channels returns the channels on which one answer may report.
	Channels() []events.Channel
	// Fetch calls the API once and returns a report, without FetchedAt, of each
	// channel that the answer has figures of. The error wraps a sentinel of this
	// package, and that of ctx where ctx ended.
	Fetch(ctx context.Context, campaign events.Campaign) ([]*events.ChannelStatsFetched, error)
}

// Sentinels of [Source.Fetch].
var (
	// ErrNoCampaign: the API works and does not know the campaign.
	ErrNoCampaign = errors.New("the channel does not know the campaign")
	// ErrRefused: the API refuses this client's requests, the next ones included: a
	// wrong key or address, a redirect, a certificate that is not valid.
	ErrRefused = errors.New("the channel refuses")
	// ErrThrottled: the API asks for fewer requests.
	ErrThrottled = errors.New("the channel asks for fewer requests")
	// ErrUnavailable: the API cannot answer now.
	ErrUnavailable = errors.New("the channel is unavailable")
	// ErrUnreachable: no whole answer arrived.
	ErrUnreachable = errors.New("the channel cannot be reached")
	// ErrInvalid: the answer breaks the contract, so none of it is used (I8).
	ErrInvalid = errors.New("the channel's answer is not valid")
)

// MaxRetryAfter caps the time that an API may ask to be left alone for.
const MaxRetryAfter = 5 * time.Minute

// RetryAfterError is an error of [Source.Fetch] whose answer asked for no call during
// Wait. No poll calls the API before, at most [MaxRetryAfter].
type RetryAfterError struct {
	Err  error
	Wait time.Duration
}

// Error implements error.
func (e RetryAfterError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e RetryAfterError) Unwrap() error { return e.Err }

// check returns [ErrInvalid] where a report is not on the campaign and the source's
// channels, or not of figures from 0 to 2^53 (I8).
func check(s Source, campaign events.Campaign, reports []*events.ChannelStatsFetched) error {
	if len(reports) == 0 {
		return fmt.Errorf("%w: it reports no figure", ErrInvalid)
	}
	for _, r := range reports {
		if r.Campaign != campaign || !slices.Contains(s.Channels(), r.Channel) {
			return fmt.Errorf("%w: it reports on something else", ErrInvalid)
		}
		known := 0
		for _, f := range figuresOf(r) {
			switch {
			case f.value == nil:
				continue
			case *f.value < 0:
				return fmt.Errorf("%w: %s of %s is negative", ErrInvalid, f.name, r.Channel)
			case *f.value > events.MaxFigure:
				return fmt.Errorf("%w: %s of %s is above 2^53", ErrInvalid, f.name, r.Channel)
			}
			known++
		}
		if known == 0 {
			return fmt.Errorf("%w: it reports no figure of %s", ErrInvalid, r.Channel)
		}
	}
	return nil
}

type figure struct {
	name  string
	value *int64
}

func figuresOf(r *events.ChannelStatsFetched) [6]figure {
	return [6]figure{
		{"impressions", r.Impressions},
		{"views", r.Views},
		{"clicks", r.Clicks},
		{"likes", r.Likes},
		{"comments", r.Comments},
		{"shares", r.Shares},
	}
}

// same reports whether every figure of a report is known.
func same(report, known *events.ChannelStatsFetched) bool {
	k := figuresOf(known)
	for i, f := range figuresOf(report) {
		if f.value != nil && (k[i].value == nil || *k[i].value != *f.value) {
			return false
		}
	}
	return true
}

// shrunk reports whether a figure of a report is lower than the known one.
func shrunk(report, known *events.ChannelStatsFetched) bool {
	k := figuresOf(known)
	for i, f := range figuresOf(report) {
		if f.value != nil && k[i].value != nil && *f.value < *k[i].value {
			return true
		}
	}
	return false
}
