package service

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
)

// TestSeedFigures writes the figures of the platform's own example to the four
// topics in each of the 24 orders, and then once more, and reads them back.
func TestSeedFigures(t *testing.T) {
	t.Parallel()
	b := setup(t, testConfig(t.TempDir()))
	const at = "2026-11-20T10:00:00+09:00"
	topics := map[string]func(campaign string) []string{
		"event-created": func(c string) []string {
			return []string{`{"eventId":"` + c + `","storeId":"store-1","title":"개업 이벤트","objective":"신규 고객","createdAt":"` + at + `",` +
				`"prizeCost":1000000,"platformCost":500000,"expectedSalesIncrease":6000000,"baselineSales":48000000,"newCustomerLtv":20000}`}
		},
		"participant-registered": func(c string) (records []string) {
			for i := range 100 {
				channel := []string{"wooridongnetv", "wooridongnetv", "genietv", "naver"}[i%4]
				records = append(records, fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","registeredAt":%q,"channel":%q,"newCustomer":%t}`,
					i, c, i, at, channel, i%2 == 0))
			}
			return records
		},
		"distribution-completed": func(c string) []string {
			return []string{`{"eventId":"` + c + `","completedAt":"` + at + `","distributedChannels":` +
				`[{"channel":"wooridongnetv","cost":300000},{"channel":"genietv","cost":200000},"instagram","naver","kakao"]}`}
		},
		"channel-stats-fetched": func(c string) (records []string) {
			for channel, figures := range map[string]string{
				"wooridongnetv": `"impressions":5000,"views":1200`, "genietv": `"impressions":10000,"clicks":500`,
				"instagram": `"likes":300,"comments":50`, "naver": `"views":2000`, "kakao": `"shares":100`,
			} {
				records = append(records, fmt.Sprintf(`{"eventId":%q,"channel":%q,"fetchedAt":%q,%s}`, c, channel, at, figures))
			}
			return records
		},
	}
	check := func(campaign string) string {
		d, ok := b.dashboard(t, campaign)
		switch {
		case !ok:
			return campaign + " is not there"
		case d.Summary.TotalParticipants != 100:
			return fmt.Sprintf("%s has %d participants of 100", campaign, d.Summary.TotalParticipants)
		case d.Summary.TotalExposure != 17000:
			return fmt.Sprintf("%s has exposure %d of 17000", campaign, d.Summary.TotalExposure)
		// cost 2,000,000; revenue 6,000,000 + 50 × 20,000 = 7,000,000
		case d.Summary.ROIPercent == nil || *d.Summary.ROIPercent != 250:
			return campaign + " has not the ROI of 250 %"
		case d.Summary.SalesGrowthPercent == nil || *d.Summary.SalesGrowthPercent != 12.5:
			return campaign + " has not the sales growth of 12.5 %"
		case len(d.Channels) != 5:
			return fmt.Sprintf("%s has %d channels of 5", campaign, len(d.Channels))
		}
		// Instagram and Kakao report reactions alone, and none came through them.
		for channel, want := range map[int]*float64{0: new(1.0), 1: new(0.25), 2: new(0.0), 3: new(1.25), 4: new(0.0)} {
			if got := d.Channels[channel].ConversionPercent; (got == nil) != (want == nil) || got != nil && *got != *want {
				return fmt.Sprintf("%s: conversion of %s is wrong", campaign, d.Channels[channel].Channel)
			}
		}
		return ""
	}
	send := func(campaign string, order []string) {
		for _, topic := range order {
			var records []events.Record
			for _, value := range topics[topic](campaign) {
				records = append(records, record(topic, campaign, value))
			}
			b.produce(t, records...)
		}
	}
	orders := permutations([]string{"event-created", "participant-registered", "distribution-completed", "channel-stats-fetched"})
	if len(orders) != 24 {
		t.Fatalf("%d orders of 24", len(orders))
	}
	const perCampaign = 1 + 100 + 1 + 5
	for i, order := range orders {
		campaign := fmt.Sprintf("evt-%d", i)
		send(campaign, order)
		// On the way to a second: the race detector makes all this slower.
		start := time.Now()
		waitFor(t, 10*time.Second, func() string { return check(campaign) })
		t.Logf("%v: right %v after the last record", order, time.Since(start).Round(time.Millisecond))
	}
	for i, order := range orders {
		send(fmt.Sprintf("evt-%d", i), order)
	}
	// An EventCreated that a producer sends again describes its campaign once more (I4).
	all := events.Totals{Head: 24 * (perCampaign + 1), Duplicates: 24 * (perCampaign - 1)}
	totals := b.settled(t, all, 30*time.Second)
	if totals.Head != all.Head || totals.DeadLettered != 0 {
		t.Errorf("written twice: %d events of %d, %d dead letters", totals.Head, all.Head, totals.DeadLettered)
	}
	for i := range orders {
		if missing := check(fmt.Sprintf("evt-%d", i)); missing != "" {
			t.Errorf("written twice: %s", missing)
		}
	}
}

func permutations(items []string) [][]string {
	if len(items) <= 1 {
		return [][]string{items}
	}
	var all [][]string
	for i, first := range items {
		rest := append(append([]string(nil), items[:i]...), items[i+1:]...)
		for _, p := range permutations(rest) {
			all = append(all, append([]string{first}, p...))
		}
	}
	return all
}
