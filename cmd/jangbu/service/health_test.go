package service

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// scrape returns the samples of /metrics: a value, as it is written, of each series.
func (s *Service) scrape(t *testing.T) map[string]string {
	t.Helper()
	res, err := http.Get(s.adminURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: status %d, %v: %.300s", res.StatusCode, err, text)
	}
	samples := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			samples[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return samples
}

// TestEveryProcessTellsTheSameOfTheProjections: a process that was the leader, and one that never
// was, export what the one that leads exports: they read it from the stores (I15).
func TestEveryProcessTellsTheSameOfTheProjections(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	run := func(role string) *Service {
		t.Helper()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.Role = database, []string{role}
		s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
		return s
	}
	leads := func(s *Service) string {
		h, err := s.rows.Holder(t.Context(), runner.LeaseName)
		if err != nil || h.Owner != s.owner {
			return fmt.Sprintf("%q leads, %v", h.Owner, err)
		}
		return ""
	}
	former := run(roleProject)
	waitFor(t, time.Minute, func() string { return leads(former) })
	next, never := run(roleProject), run(roleAPI)
	appended := 0
	happen := func() {
		t.Helper()
		appended++
		r := record("event-created", "evt-1", fmt.Sprintf(`{"eventId":"evt-1","storeId":"shop-1","title":"t %d","objective":"o"}`, appended))
		decoded, err := events.Decode(events.TypeEventCreated, r, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := former.log.Append(t.Context(), []events.Draft{decoded.Draft}); err != nil {
			t.Fatal(err)
		}
	}
	// folded waits until all processes say that one leads and every event is folded.
	folded := func(leader *Service) {
		t.Helper()
		waitFor(t, time.Minute, func() string {
			for i, s := range []*Service{former, next, never} {
				got := s.scrape(t)
				want := map[string]string{
					"jangbu_log_head": fmt.Sprint(appended),
					`jangbu_projection_position{projection="event_stats"}`:                           fmt.Sprint(appended),
					`jangbu_projection_lag_events{projection="channel_stats"}`:                       "0",
					`jangbu_projection_lag_seconds{projection="event_stats"}`:                        "0",
					`jangbu_projection_paused{projection="participation_hourly"}`:                    "0",
					`jangbu_lease_held{lease="projections"}`:                                         "1",
					fmt.Sprintf("jangbu_lease_holder{lease=\"projections\",owner=%q}", leader.owner): "1",
					"jangbu_projections_leading":                                                     fmt.Sprint(map[bool]int{true: 1}[s == leader]),
				}
				for series, value := range want {
					if got[series] != value {
						return fmt.Sprintf("process %d exports %s %s, want %s", i, series, got[series], value)
					}
				}
				if left := got[`jangbu_lease_left_seconds{lease="projections"}`]; left == "" || left == "0" {
					return fmt.Sprintf("process %d: the lease lasts another %q", i, left)
				}
			}
			return ""
		})
	}
	happen()
	folded(former)
	waitFor(t, time.Minute, func() string { // the former leader may take it again
		if leads(next) == "" {
			return ""
		}
		if h, err := former.rows.Holder(t.Context(), runner.LeaseName); err == nil && h.Owner == former.owner {
			_, _ = former.rows.Break(t.Context(), h.Lease, "test", "hand over")
		}
		return leads(next)
	})
	for range 3 {
		happen()
	}
	folded(next)

	op := readmodel.Operation{Kind: readmodel.Pause, Who: "test", Projections: []string{"event_stats"}}
	op, err := next.rows.Ask(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, func() string {
		if op, err := next.rows.Operation(t.Context(), op.ID); err != nil || op.State != readmodel.Done {
			return fmt.Sprint(op.State, err)
		}
		return ""
	})
	happen()
	waitFor(t, time.Minute, func() string {
		for i, s := range []*Service{former, next, never} {
			got := s.scrape(t)
			for series, value := range map[string]string{
				`jangbu_projection_lag_events{projection="event_stats"}`:   "1",
				`jangbu_projection_lag_events{projection="channel_stats"}`: "0",
				`jangbu_projection_paused{projection="event_stats"}`:       "1",
			} {
				if got[series] != value {
					return fmt.Sprintf("process %d, paused, exports %s %s, want %s", i, series, got[series], value)
				}
			}
			if lag := got[`jangbu_projection_lag_seconds{projection="event_stats"}`]; lag == "" || lag == "0" {
				return fmt.Sprintf("process %d: lag %q seconds", i, lag)
			}
		}
		return ""
	})
}
