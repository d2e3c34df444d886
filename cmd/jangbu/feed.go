package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

// feed asks the simulated channel APIs for every campaign in turn and publishes
// what they say. It is the demo's alone: no retries, no breakers.
type feed struct {
	base, key, topic string
	producer         *kafka.Producer
	logger           *slog.Logger
}

// feedRound is how long the feed takes for all campaigns.
const feedRound = 30 * time.Second

func (f feed) run(ctx context.Context, campaigns []events.Campaign) {
	tick := time.NewTicker(feedRound / time.Duration(len(campaigns)))
	defer tick.Stop()
	for i := 0; ; i++ {
		if err := f.report(ctx, campaigns[i%len(campaigns)]); err != nil && ctx.Err() == nil {
			f.logger.WarnContext(ctx, "demo: channel figures were not published", slog.Any("error", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// report publishes what the channels say of one campaign now.
func (f feed) report(ctx context.Context, campaign events.Campaign) error {
	id := url.PathEscape(string(campaign))
	var wooridongne struct{ Impressions, Views int64 }
	var genie struct{ AdImpressions, Clicks int64 }
	var sns map[events.Channel]map[string]int64
	for path, into := range map[string]any{
		"/stats/" + id:               &wooridongne,
		"/campaign/" + id + "/stats": &genie,
		"/posts/" + id + "/insights": &sns,
	} {
		if err := f.get(ctx, path, into); err != nil {
			return err
		}
	}
	figures := map[events.Channel]map[string]int64{
		events.WooridongneTV: {"impressions": wooridongne.Impressions, "views": wooridongne.Views},
		events.GenieTV:       {"impressions": genie.AdImpressions, "clicks": genie.Clicks},
	}
	maps.Copy(figures, sns)
	now := time.Now()
	records := make([]events.Record, 0, len(figures))
	for channel, reported := range figures {
		body := map[string]any{"eventId": campaign, "channel": channel, "fetchedAt": now.Format(time.RFC3339Nano)}
		for name, n := range reported {
			body[name] = n
		}
		value, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode figures: %w", err)
		}
		records = append(records, events.Record{Topic: f.topic, Key: []byte(campaign), Value: value, Timestamp: now})
	}
	return f.producer.Produce(ctx, records)
}

func (f feed) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+path, nil)
	if err != nil {
		return fmt.Errorf("ask channel: %w", err)
	}
	req.Header.Set("X-API-Key", f.key)
	req.Header.Set("Authorization", "Bearer "+f.key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask channel: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask channel: status %d", res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("read channel's answer: %w", err)
	}
	return nil
}
