package eventstest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"jangbu/events"
)

// noon is the time of the samples, with microseconds, as a log keeps it.
func noon() time.Time { return time.Date(2026, time.November, 23, 3, 0, 0, 123456000, time.UTC) }

// draftOf returns a draft of the event. Its ID is a hash of name, its digest that of
// the event, as the decoder makes it.
func draftOf(name string, e events.Event) events.Draft {
	d := events.Draft{OccurredAt: noon(), Event: e, Digest: events.DigestOf(e)}
	id := sha256.Sum256([]byte(name))
	copy(d.ID[:], id[:])
	return d
}

// registration returns a draft of the campaign's n-th participant.
func registration(c events.Campaign, n int) events.Draft {
	return draftOf(fmt.Sprintf("registration %d", n), &events.ParticipantRegistered{
		Campaign:     c,
		Participant:  fmt.Sprintf("participant-%d", n),
		Pseudonym:    pseudonymOf(fmt.Sprintf("person %d", n)),
		RegisteredAt: noon().Add(time.Duration(n) * time.Second),
		Channel:      "instagram",
	})
}

// description returns a draft of the n-th description that a shop sends of a campaign.
func description(c events.Campaign, shop events.Shop, n int) events.Draft {
	cost := events.Won(n)
	return draftOf(fmt.Sprintf("description %d by %s", n, shop), &events.EventCreated{Campaign: c, Shop: shop, Title: "t", Objective: "o", PrizeCost: &cost})
}

// withdrawal returns a draft that withdraws events of the campaign.
func withdrawal(c events.Campaign, positions ...events.Position) events.Draft {
	return draftOf(fmt.Sprintf("withdrawal of %v", positions), &events.EventsWithdrawn{Campaign: c, Positions: positions, Who: "an operator", Why: "mistyped"})
}

func registrations(c events.Campaign, from, to int) []events.Draft {
	var drafts []events.Draft
	for n := from; n <= to; n++ {
		drafts = append(drafts, registration(c, n))
	}
	return drafts
}

func pseudonymOf(name string) events.Pseudonym { return sha256.Sum256([]byte(name)) }

// letter returns a dead letter that differs for each n.
func letter(n int, reason events.Reason) events.DeadLetter {
	id := sha256.Sum256(fmt.Appendf(nil, "letter %d", n))
	return events.DeadLetter{
		ID:        events.ID(id[:16]),
		Topic:     "participant-registered",
		Partition: int32(n % 12),
		Offset:    int64(n) << 33,
		Timestamp: noon().Add(time.Duration(n) * time.Microsecond),
		Reason:    reason,
		Detail:    `registeredAt: expected a time such as "2026-11-23T10:00:00+09:00" (전각도)`,
		Sealed:    []byte{0, 1, 2, 0xff, byte(n)},
	}
}

// samples returns an event of every type with every optional field and one with
// none. Their values are hard to keep: control characters, quotes, other scripts,
// the ends of ranges.
func samples() []events.Draft {
	won := func(v events.Won) *events.Won { return &v }
	figure := func(v int64) *int64 { return &v }
	truth := func(v bool) *bool { return &v }
	const hard = "quote \" slash \\ tab \t line \n 한글 🎉 \u2028 </script>"
	facts := []events.Event{
		&events.EventCreated{
			Campaign: "created-full", Shop: "store-1", Title: hard, Objective: "신규 고객",
			CreatedAt: noon(), StartsAt: noon().Add(time.Hour), EndsAt: noon().AddDate(0, 1, 0).Truncate(time.Second),
			PrizeCost: won(0), PlatformCost: won(1), ExpectedSalesIncrease: won(events.MaxWon),
			BaselineSales: won(12_000_000), NewCustomerLTV: won(30_000),
			Goal: &events.Goal{Metric: events.GoalNewCustomers, Target: events.MaxGoal},
		},
		&events.EventCreated{Campaign: "created-bare", Shop: "store-2"},
		&events.ParticipantRegistered{
			Campaign: "registered-full", Participant: hard, Pseudonym: pseudonymOf("person"), RegisteredAt: noon(),
			Channel: "wooridongnetv", NewCustomer: truth(true), Gender: "female", AgeGroup: "20s", Region: "서울",
		},
		&events.ParticipantRegistered{Campaign: "registered-returning", Participant: "p", NewCustomer: truth(false)},
		&events.ParticipantRegistered{Campaign: "registered-bare", Participant: "p"},
		&events.DistributionCompleted{
			Campaign: "distributed-full", CompletedAt: noon(),
			Channels: []events.Distribution{{Channel: events.GenieTV, Cost: won(5000)}, {Channel: events.Naver, Cost: won(0)}, {Channel: events.Kakao}},
		},
		&events.DistributionCompleted{
			Campaign: "distributed-bare", CompletedAt: noon(), Channels: []events.Distribution{{Channel: events.Instagram}},
		},
		&events.ChannelStatsFetched{
			Campaign: "stats-full", Channel: events.WooridongneTV, FetchedAt: noon(), Impressions: figure(events.MaxFigure), Views: figure(0),
			Clicks: figure(1), Likes: figure(2), Comments: figure(3), Shares: figure(4),
		},
		&events.ChannelStatsFetched{Campaign: "stats-bare", Channel: events.Kakao, FetchedAt: noon(), Shares: figure(100)},
	}
	var drafts []events.Draft
	for i, e := range facts {
		d := draftOf(fmt.Sprintf("sample %d", i), e)
		d.OccurredAt = noon().Add(-time.Duration(i) * 1001 * time.Microsecond)
		drafts = append(drafts, d)
	}
	// The earliest and the latest time that a record can carry.
	drafts[0].OccurredAt = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	drafts[1].OccurredAt = time.Date(9999, time.December, 31, 23, 59, 59, 999999000, time.UTC)
	drafts[2].OccurredAt = time.Date(1969, time.December, 31, 23, 59, 59, 999999000, time.UTC)
	return drafts
}
