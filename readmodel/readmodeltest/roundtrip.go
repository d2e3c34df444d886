package readmodeltest

import (
	"math"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// instant returns a time as rows keep it: whole microseconds, UTC.
func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// noon is the start of an hour, in microseconds since 1970.
const noon = 1_795_435_200_000_000

func won(n int64) *events.Won {
	w := events.Won(n)
	return &w
}

// fullRows returns a row of each table in which all columns differ.
func fullRows(c events.Campaign) *readmodel.Rows {
	rows := newRows()
	*rows.Campaign(c) = readmodel.CampaignStats{
		Campaign: c, Known: true, Shop: "store-1", Title: "가을 경품 이벤트", Objective: "신규 고객",
		StartsAt: instant(noon + 1), EndsAt: instant(noon + 2),
		PrizeCost: won(3), PlatformCost: won(4), ExpectedSalesIncrease: won(5), BaselineSales: won(6), NewCustomerLTV: won(7), GoalMetric: events.GoalNewCustomers, GoalTarget: 37,
		Participants: 8, NewCustomers: 9, Position: 10, UpdatedAt: instant(noon + 11),
	}
	channel := readmodel.ChannelKey{Campaign: c, Channel: string(events.GenieTV)}
	*rows.Channel(channel) = readmodel.ChannelStats{
		ChannelKey: channel, DistributedAt: instant(noon + 12), Cost: won(13), Participants: 14,
		Impressions: readmodel.Figure{Value: 15, At: instant(noon + 16)},
		Views:       readmodel.Figure{Value: 17, At: instant(noon + 18)},
		Clicks:      readmodel.Figure{Value: 19, At: instant(noon + 20)},
		Likes:       readmodel.Figure{Value: 21, At: instant(noon + 22)},
		Comments:    readmodel.Figure{Value: 23, At: instant(noon + 24)},
		Shares:      readmodel.Figure{Value: 25, At: instant(noon + 26)},
		FetchedAt:   instant(noon + 27),
	}
	rows.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon)}).Participants = 28
	rows.Profile(c).Region.Add("서울", 29)
	extra := ExtraKey{Campaign: c, Number: 30, Day: instant(noon + 31), Name: "하나"}
	*readmodel.Row[Extra](rows, extra) = Extra{
		ExtraKey: extra, Flag: true, Note: "적요", Count: 32, Seen: instant(noon + 33), Amount: won(34),
		Figure: readmodel.Figure{Value: 35, At: instant(noon + 36)}, Labels: readmodel.Counts{{Label: "가", Participants: 37}, {Label: "나", Participants: 38}},
	}
	return rows
}

// hostileTexts returns texts that a store could change or confuse.
func hostileTexts() []string {
	return []string{
		"", " ", "a", "A", "a ", " a", "0", "-1", "1e3", "null", "NULL", "true",
		"이벤트", "\ud55c", "\u1112\u1161\u11ab", // 한, composed and decomposed
		"🎉", "\u2028", "\ufeff", "\U0010ffff", "\u200b",
		`'; DROP TABLE event_stats; --`, `"`, `'`, `\`, `\n`, `\u0041`, "`", "%", "_", "$1", "?1", ":a", "@a",
		"a\nb", "a\r\nb", "a\tb",
		`["a"]`, `{"a":1}`, `{a,b}`, `{}`, `[]`, "a,b", "(", ")",
		strings.Repeat("가", 66) + "ab", // 200 bytes
		strings.Repeat("x", 200),
	}
}

func testRoundTrip(t *testing.T, a Adapter) {
	comesBack := func(t *testing.T, rows *readmodel.Rows) {
		t.Helper()
		b := setup(t, a)
		b.commit(t, rows)
		if d := diff(rows, b.load(t, rows)); d != "" {
			t.Errorf("Load (-want +got):\n%s", d)
		}
		filled := b.build(t, 1, rows)[0].Generation
		if d := diff(rows, b.loadOf(t, filled, rows)); d != "" {
			t.Errorf("Load after Fill (-want +got):\n%s", d)
		}
	}

	t.Run("every column comes back", func(t *testing.T) {
		t.Parallel()
		comesBack(t, fullRows("evt-1"))
	})

	t.Run("rows without known values come back", func(t *testing.T) {
		t.Parallel()
		rows := newRows()
		rows.Campaign("evt-1")
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"})
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: instant(noon)})
		rows.Profile("evt-1").Gender.Add("unknown", 0)
		readmodel.Row[Extra](rows, ExtraKey{Campaign: "evt-1"})
		comesBack(t, rows)
	})

	t.Run("zero is not unknown", func(t *testing.T) {
		t.Parallel()
		rows := newRows()
		event := rows.Campaign("evt-1")
		event.PrizeCost, event.BaselineSales = won(0), won(0)
		channel := rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"})
		channel.Cost = won(0)
		channel.Views = readmodel.Figure{At: instant(noon)}
		channel.Shares = readmodel.Figure{At: instant(0)}
		comesBack(t, rows)
	})

	t.Run("the largest and the smallest numbers and times come back", func(t *testing.T) {
		t.Parallel()
		rows := newRows()
		for c, edge := range map[events.Campaign]struct {
			number int64
			time   time.Time
		}{
			"largest":  {math.MaxInt64, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
			"smallest": {math.MinInt64, time.Date(1, 1, 1, 0, 0, 0, 1_000, time.UTC)},
		} {
			n, at := edge.number, edge.time
			figure := readmodel.Figure{Value: n, At: at}
			*rows.Campaign(c) = readmodel.CampaignStats{
				Campaign: c, StartsAt: at, EndsAt: at,
				PrizeCost: won(n), PlatformCost: won(n), ExpectedSalesIncrease: won(n), BaselineSales: won(n), NewCustomerLTV: won(n), GoalTarget: n,
				Participants: n, NewCustomers: n, Position: events.Position(n), UpdatedAt: at,
			}
			channel := readmodel.ChannelKey{Campaign: c, Channel: "naver"}
			*rows.Channel(channel) = readmodel.ChannelStats{
				ChannelKey: channel, DistributedAt: at, Cost: won(n), Participants: n,
				Impressions: figure, Views: figure, Clicks: figure, Likes: figure, Comments: figure, Shares: figure, FetchedAt: at,
			}
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: at}).Participants = n
			rows.Profile(c).Gender.Add("female", n)
			extra := ExtraKey{Campaign: c, Number: n, Day: at, Name: "x"}
			*readmodel.Row[Extra](rows, extra) = Extra{ExtraKey: extra, Count: n, Seen: at, Amount: won(n), Figure: figure, Labels: readmodel.Counts{{Label: "a", Participants: n}}}
		}
		comesBack(t, rows)
	})

	t.Run("any text comes back, and each is a key of its own", func(t *testing.T) {
		t.Parallel()
		rows := newRows()
		for i, text := range hostileTexts() {
			n := int64(i)
			event := rows.Campaign(events.Campaign(text))
			event.Shop, event.Title, event.Objective, event.GoalMetric, event.Participants = events.Shop(text), text, text, events.GoalMetric(text), n
			rows.Channel(readmodel.ChannelKey{Campaign: events.Campaign(text), Channel: text}).Participants = n
			rows.Hour(readmodel.HourKey{Campaign: events.Campaign(text), Hour: instant(noon)}).Participants = n
			rows.Profile("evt-1").Region.Add(text, n)
			rows.Profile(events.Campaign(text)).Gender.Add(text, n)
			readmodel.Row[Extra](rows, ExtraKey{Campaign: "evt-1", Day: instant(noon), Name: text}).Note = text
		}
		if len(rows.Campaigns()) != len(hostileTexts()) {
			t.Fatalf("%d texts differ of %d", len(rows.Campaigns()), len(hostileTexts()))
		}
		comesBack(t, rows)
	})

	t.Run("times come back in UTC and whole microseconds", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		seoul := time.FixedZone("KST", 9*60*60)
		given := time.Date(2026, 11, 23, 21, 0, 0, 123_456_789, seoul)
		rows := newRows()
		rows.Campaign("evt-1").StartsAt = given
		b.commit(t, rows)
		want := time.Date(2026, 11, 23, 12, 0, 0, 123_456_000, time.UTC)
		if got := b.load(t, rows).Campaign("evt-1").StartsAt; got != want {
			t.Errorf("StartsAt = %v, want %v", got, want)
		}
		filled := b.build(t, 1, rows)[0].Generation
		if got := b.loadOf(t, filled, rows).Campaign("evt-1").StartsAt; got != want {
			t.Errorf("StartsAt after Fill = %v, want %v", got, want)
		}
	})
}
