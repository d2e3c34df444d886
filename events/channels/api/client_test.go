package api_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/channels"
	"jangbu/events/channels/api"
	"jangbu/events/channels/simulator"
)

const secret = "k-5ecret"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func clientOf(t *testing.T, a simulator.API, base, key string, roots *x509.CertPool) *api.Client {
	t.Helper()
	at, err := api.NewEndpoint(base, api.NewSecret(key), roots)
	if err != nil {
		t.Fatal(err)
	}
	c := map[simulator.API]func(api.Endpoint) *api.Client{
		simulator.WooridongneTV: api.NewWooridongneTV, simulator.GenieTV: api.NewGenieTV, simulator.SNS: api.NewSNS,
	}[a](at)
	t.Cleanup(c.Close)
	return c
}

func simulate(t *testing.T) *simulator.Simulator {
	t.Helper()
	s, err := simulator.Start(t.Context(), simulator.Config{Key: secret, Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestClients asks each API and looks for each figure in its place.
func TestClients(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	type place struct {
		channel events.Channel
		figure  string
	}
	for a, want := range map[simulator.API][]place{
		simulator.WooridongneTV: {{events.WooridongneTV, "impressions"}, {events.WooridongneTV, "views"}},
		simulator.GenieTV:       {{events.GenieTV, "impressions"}, {events.GenieTV, "clicks"}},
		simulator.SNS:           {{events.Instagram, "likes"}, {events.Instagram, "comments"}, {events.Naver, "views"}, {events.Kakao, "shares"}},
	} {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			c := clientOf(t, a, s.URL(a), secret, s.Roots())
			if c.Name() != string(a) {
				t.Errorf("its name is %s", c.Name())
			}
			for _, campaign := range []events.Campaign{"evt-1", "이벤트/2?#%", "a b"} {
				reports, err := c.Fetch(t.Context(), campaign)
				if err != nil {
					t.Fatalf("%s: %v", campaign, err)
				}
				var got []place
				for _, r := range reports {
					if r.Campaign != campaign || !r.FetchedAt.IsZero() || !slices.Contains(c.Channels(), r.Channel) {
						t.Errorf("report %+v", r)
					}
					for name, figure := range map[string]*int64{
						"impressions": r.Impressions, "views": r.Views, "clicks": r.Clicks, "likes": r.Likes, "comments": r.Comments, "shares": r.Shares,
					} {
						if figure != nil {
							got = append(got, place{r.Channel, name})
						}
					}
				}
				for _, p := range want {
					if !slices.Contains(got, p) {
						t.Errorf("%s of %s is not reported", p.figure, p.channel)
					}
				}
				if len(got) != len(want) {
					t.Errorf("%v is reported, want %v", got, want)
				}
				if s.CallsFor(a, string(campaign)) != 1 {
					t.Errorf("%q: %d calls", campaign, s.CallsFor(a, string(campaign)))
				}
			}
			if _, err := clientOf(t, a, s.URL(a), "wrong", s.Roots()).Fetch(t.Context(), "evt-1"); !errors.Is(err, channels.ErrRefused) {
				t.Errorf("with a wrong key: %v", err)
			}
			if _, err := clientOf(t, a, s.URL(a)+"/v2", secret, s.Roots()).Fetch(t.Context(), "evt-1"); !errors.Is(err, channels.ErrNoCampaign) {
				t.Errorf("at another path: %v", err)
			}
			if _, err := clientOf(t, a, s.URL(a), secret, nil).Fetch(t.Context(), "evt-1"); !errors.Is(err, channels.ErrRefused) {
				t.Errorf("by an authority that is not trusted: %v", err)
			}
		})
	}
}

// TestClientsNameTheFault: each fault of each API is what it is.
func TestClientsNameTheFault(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	want := map[simulator.Fault]error{
		simulator.Hang: context.DeadlineExceeded, simulator.SlowHeader: context.DeadlineExceeded,
		simulator.SlowBody: context.DeadlineExceeded, simulator.SlowAccept: context.DeadlineExceeded,
		simulator.Reset:     channels.ErrUnreachable,
		simulator.Status500: channels.ErrUnavailable, simulator.Status503Seconds: channels.ErrUnavailable,
		simulator.Status503Date: channels.ErrUnavailable, simulator.Status503Absurd: channels.ErrUnavailable,
		simulator.Status429: channels.ErrThrottled,
		simulator.Redirect:  channels.ErrRefused, simulator.RedirectMetadata: channels.ErrRefused,
		simulator.TLSExpired: channels.ErrRefused, simulator.TLSWrongHost: channels.ErrRefused,
		simulator.ContentType: channels.ErrInvalid, simulator.Truncated: channels.ErrInvalid, simulator.Nested: channels.ErrInvalid,
		simulator.DuplicateKeys: channels.ErrInvalid, simulator.GzipBomb: channels.ErrInvalid, simulator.HugeBody: channels.ErrInvalid,
		// These are well-formed: what they say is judged by the poller.
		simulator.Negative: nil, simulator.TooLarge: nil, simulator.Shrinking: nil,
	}
	if len(want) != len(simulator.Faults()) {
		t.Errorf("%d faults of %d are tried", len(want), len(simulator.Faults()))
	}
	for _, a := range simulator.APIs() {
		t.Run(string(a), func(t *testing.T) {
			t.Parallel()
			c := clientOf(t, a, s.URL(a), secret, s.Roots())
			fetch := func(patience time.Duration) error {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := c.Fetch(ctx, "evt-1")
				return err
			}
			for fault, want := range want {
				if err := fetch(10 * time.Second); err != nil {
					t.Fatalf("before %s: %v", fault, err)
				}
				s.Order(a, fault)
				patience := 10 * time.Second
				if errors.Is(want, context.DeadlineExceeded) {
					patience = 200 * time.Millisecond
				}
				if err := fetch(patience); !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("%s: error is %v, want %v", fault, err, want)
				}
				s.Order(a, "")
			}
		})
	}
	t.Cleanup(func() {
		if n := s.Followed(); n > 0 {
			t.Errorf("%d redirects were followed", n)
		}
	})
}

// TestErrorsHoldNoAnswer: what a decoder says of an answer may quote it.
func TestErrorsHoldNoAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"views":"010-1234-5678"}`))
	}))
	defer server.Close()
	_, err := clientOf(t, simulator.WooridongneTV, server.URL, secret, nil).Fetch(t.Context(), "evt-1")
	if !errors.Is(err, channels.ErrInvalid) || strings.Contains(err.Error(), "010") {
		t.Errorf("error is %v", err)
	}
}
