package service

import (
	"testing"
	"time"

	"jangbu/events"
)

// record is a record of a topic, keyed as producers key it.
func record(topic, campaign, value string) events.Record {
	return events.Record{Topic: topic, Key: []byte(campaign), Value: []byte(value), Timestamp: time.Now()}
}

// servedDashboard is the part of the JSON that tests look at.
type servedDashboard struct {
	EventID  string  `json:"eventId"`
	Title    *string `json:"title"`
	Position int64   `json:"position"`
	Summary  struct {
		TotalParticipants  int64    `json:"totalParticipants"`
		TotalExposure      int64    `json:"totalExposure"`
		ROIPercent         *float64 `json:"roiPercent"`
		SalesGrowthPercent *float64 `json:"salesGrowthPercent"`
	} `json:"summary"`
	Channels []struct {
		Channel           string   `json:"channel"`
		Exposure          *int64   `json:"exposure"`
		Participants      int64    `json:"participants"`
		ConversionPercent *float64 `json:"conversionPercent"`
		Status            string   `json:"status"`
	} `json:"channels"`
}

// waitFor waits until the condition holds. What it returns last says what is
// still missing; "" is nothing.
//
// A look takes a processor's time from what it waits for, here and in the program that is
// asked. So a pause follows each, four times as long, of a quarter of a second at most.
func waitFor(t testing.TB, limit time.Duration, missing func() string) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		looked := time.Now()
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %s", limit, what)
		}
		time.Sleep(min(max(5*time.Millisecond, 4*time.Since(looked)), 250*time.Millisecond, time.Until(deadline)))
	}
}
