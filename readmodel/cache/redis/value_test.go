package redis_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache/redis"
	"jangbu/readmodel/readmodeltest"
)

func drawRows(t *rapid.T) readmodel.CampaignRows {
	var (
		texts   = rapid.OneOf(rapid.SampledFrom([]string{"", "evt-1", "서울", "🎉", "\x00", strings.Repeat("가", 60)}), rapid.String())
		numbers = rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64())
		micros  = rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999)
		times   = rapid.OneOf(rapid.Just(time.Time{}), rapid.Map(micros, func(n int64) time.Time { return time.UnixMicro(n).UTC() }))
		hours   = rapid.Map(rapid.Int64Range(0, 1_000_000), func(n int64) time.Time { return time.Unix(n*3600, 0).UTC() })
		figures = rapid.Custom(func(t *rapid.T) readmodel.Figure {
			return readmodel.Figure{Value: numbers.Draw(t, "value"), At: times.Draw(t, "at")}
		})
		amounts = rapid.Ptr(rapid.Map(rapid.Int64(), func(n int64) events.Won { return events.Won(n) }), true)
		c       = events.Campaign(texts.Draw(t, "campaign"))
	)
	revision := readmodel.Revision{
		Incarnation: rapid.Int64Min(1).Draw(t, "incarnation"),
		Edits:       rapid.Int64Min(0).Draw(t, "edits"),
		Position:    events.Position(rapid.Int64Min(0).Draw(t, "at")),
	}
	all := []any{readmodel.CampaignStats{
		Campaign: c, Known: rapid.Bool().Draw(t, "known"),
		Shop: events.Shop(texts.Draw(t, "store")), Title: texts.Draw(t, "title"), Objective: texts.Draw(t, "objective"),
		StartsAt: times.Draw(t, "startsAt"), EndsAt: times.Draw(t, "endsAt"),
		PrizeCost: amounts.Draw(t, "prize"), PlatformCost: amounts.Draw(t, "platform"),
		ExpectedSalesIncrease: amounts.Draw(t, "increase"), BaselineSales: amounts.Draw(t, "baseline"), NewCustomerLTV: amounts.Draw(t, "ltv"),
		GoalMetric: events.GoalMetric(texts.Draw(t, "goalMetric")), GoalTarget: numbers.Draw(t, "goalTarget"),
		Participants: numbers.Draw(t, "participants"), NewCustomers: numbers.Draw(t, "newCustomers"),
		Position: events.Position(numbers.Draw(t, "position")), UpdatedAt: times.Draw(t, "updatedAt"),
	}}
	for range rapid.IntRange(0, 5).Draw(t, "channels") {
		all = append(all, readmodel.ChannelStats{
			ChannelKey:    readmodel.ChannelKey{Campaign: c, Channel: texts.Draw(t, "channel")},
			DistributedAt: times.Draw(t, "distributedAt"), Cost: amounts.Draw(t, "cost"), Participants: numbers.Draw(t, "participants"),
			Impressions: figures.Draw(t, "impressions"), Views: figures.Draw(t, "views"), Clicks: figures.Draw(t, "clicks"),
			Likes: figures.Draw(t, "likes"), Comments: figures.Draw(t, "comments"), Shares: figures.Draw(t, "shares"),
			FetchedAt: times.Draw(t, "fetchedAt"),
		})
	}
	for range rapid.IntRange(0, 5).Draw(t, "hours") {
		all = append(all, readmodel.ParticipationHour{
			HourKey: readmodel.HourKey{Campaign: c, Hour: hours.Draw(t, "hour")}, Participants: numbers.Draw(t, "participants"),
		})
	}
	if rapid.Bool().Draw(t, "profile") {
		profile := readmodel.ParticipantProfile{Campaign: c}
		for range rapid.IntRange(0, 5).Draw(t, "labels") {
			profile.Gender.Add(texts.Draw(t, "gender"), numbers.Draw(t, "participants"))
			profile.Customer.Add(texts.Draw(t, "customer"), numbers.Draw(t, "participants"))
		}
		all = append(all, profile)
	}
	for range rapid.IntRange(0, 5).Draw(t, "extra") {
		all = append(all, readmodeltest.Extra{
			ExtraKey: readmodeltest.ExtraKey{Campaign: c, Number: numbers.Draw(t, "number"), Day: times.Draw(t, "day"), Name: texts.Draw(t, "name")},
			Flag:     rapid.Bool().Draw(t, "flag"), Note: texts.Draw(t, "note"), Count: numbers.Draw(t, "count"), Seen: times.Draw(t, "seen"),
			Amount: amounts.Draw(t, "amount"), Figure: figures.Draw(t, "figure"),
		})
	}
	rows := readmodeltest.CampaignRows(all...)
	rows.Revision = revision
	return rows
}

func TestValues(t *testing.T) {
	t.Parallel()
	t.Run("rows come back as they were", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			want := drawRows(rt)
			value, ok := redis.EncodeValue(want.Campaign().Campaign, want)
			if !ok {
				rt.Fatalf("not kept: %v", want)
			}
			if !strings.HasPrefix(string(value), want.Revision.String()) {
				rt.Fatalf("the value begins with %.48s, want %v", value, want.Revision)
			}
			got, err := redis.DecodeValue(string(value), want.Campaign().Campaign)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				rt.Fatalf("decoded: %v (-want +got):\n%s", err, diff)
			}
		})
	})

	t.Run("a value of another campaign is not used", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		if _, err := redis.DecodeValue(string(value), "evt-2"); !errors.Is(err, redis.ErrUnusable) {
			t.Errorf("used for evt-2: %v", err)
		}
	})

	t.Run("a value that was made with another key is forged", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		key := redis.GivenKey()
		key[31] ^= 1
		if _, err := redis.Codec(readmodeltest.Tables(), key).Decode(string(value), "evt-1"); !errors.Is(err, redis.ErrForged) {
			t.Errorf("used: %v", err)
		}
	})

	t.Run("what authenticates a notice authenticates no value", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		if _, err := redis.DecodeValue(string(redis.SealNotice(value[:len(value)-16])), "evt-1"); !errors.Is(err, redis.ErrForged) {
			t.Errorf("used: %v", err)
		}
		notice := redis.EncodeNotice(readmodel.Change{})
		if _, err := redis.DecodeNotice(string(redis.SealValue(notice[:len(notice)-16]))); !errors.Is(err, redis.ErrForged) {
			t.Errorf("used: %v", err)
		}
	})

	t.Run("a value that is too long is not kept", func(t *testing.T) {
		t.Parallel()
		rows := sampleRows("evt-1")
		hours := int64(0)
		fits := func() bool {
			for range 1_000 {
				hour := rows.Append(readmodel.ParticipationHourlyTable()).(*readmodel.ParticipationHour)
				hour.Campaign, hour.Hour = "evt-1", time.Unix(1e9+3600*hours, 0).UTC()
				hours++
			}
			_, ok := redis.EncodeValue("evt-1", rows)
			return ok
		}
		for fits() && hours < 20_000 {
		}
		if hours < 7_000 || hours >= 20_000 {
			t.Errorf("the first that does not fit has %d hours", hours)
		}
	})

	t.Run("a value of tables that are described otherwise is not used", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		for i := range readmodeltest.Tables() {
			for name, change := range map[string]func(*readmodel.Table){
				"name":   func(t *readmodel.Table) { t.Name += "_too" },
				"column": func(t *readmodel.Table) { t.Columns[1].Name += "_too" },
				"kind":   func(t *readmodel.Table) { t.Columns[1].Kind++ },
				"order":  func(t *readmodel.Table) { slices.Reverse(t.Columns[1:]) },
				"fewer":  func(t *readmodel.Table) { t.Columns = t.Columns[:len(t.Columns)-1] },
			} {
				tables := readmodeltest.Tables()
				change(tables[i])
				if _, err := redis.DecodeValueOf(tables, string(value), "evt-1"); !errors.Is(err, redis.ErrUnusable) {
					t.Errorf("another %s of %s: used: %v", name, tables[i].Name, err)
				}
			}
			tables := readmodeltest.Tables()
			if _, err := redis.DecodeValueOf(slices.Delete(tables, i, i+1), string(value), "evt-1"); !errors.Is(err, redis.ErrUnusable) {
				t.Errorf("used without a table: %v", err)
			}
		}
	})

	t.Run("rows that are not all of one campaign are not kept", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(*readmodel.CampaignRows){
			"campaign": func(r *readmodel.CampaignRows) { r.Campaign().Campaign = "evt-2" },
			"channel":  func(r *readmodel.CampaignRows) { r.Channels()[0].Campaign = "evt-2" },
			"hour":     func(r *readmodel.CampaignRows) { r.Hours()[0].Campaign = "evt-2" },
			"profile": func(r *readmodel.CampaignRows) {
				r.Of(readmodel.ParticipantProfileTable())[0].(*readmodel.ParticipantProfile).Campaign = "evt-2"
			},
			"extra": func(r *readmodel.CampaignRows) {
				r.Append(readmodeltest.ExtraTable()).(*readmodeltest.Extra).Campaign = "evt-2"
			},
			"table":    func(r *readmodel.CampaignRows) { r.Tables["another"] = r.Tables["channel_stats"] },
			"revision": func(r *readmodel.CampaignRows) { r.Revision = readmodel.Revision{} },
		} {
			rows := sampleRows("evt-1")
			change(&rows)
			if _, ok := redis.EncodeValue("evt-1", rows); ok {
				t.Errorf("kept with another %s", name)
			}
		}
	})

	t.Run("no damage goes unnoticed", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		for i := range value {
			for _, flip := range []byte{1, 0x20, 0x80, 0xff} {
				damaged := []byte(string(value))
				damaged[i] ^= flip
				if _, err := redis.DecodeValue(string(damaged), "evt-1"); !errors.Is(err, redis.ErrForged) {
					t.Fatalf("byte %d damaged by %#x: used: %v", i, flip, err)
				}
			}
			if _, err := redis.DecodeValue(string(value[:i]), "evt-1"); !errors.Is(err, redis.ErrForged) {
				t.Fatalf("cut after %d bytes: used: %v", i, err)
			}
		}
		if _, err := redis.DecodeValue(string(value)+"\x00", "evt-1"); !errors.Is(err, redis.ErrForged) {
			t.Errorf("one byte too long: used: %v", err)
		}
	})
}

// FuzzDecodeValue hands over anything, with a good MAC too.
func FuzzDecodeValue(f *testing.F) {
	value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
	f.Add(value[:len(value)-16])
	f.Add(value[:readmodel.RevisionDigits])
	f.Fuzz(func(_ *testing.T, body []byte) {
		_, _ = redis.DecodeNotice(string(redis.SealNotice(body)))
		for _, value := range [][]byte{body, redis.SealValue(body)} {
			if rows, err := redis.DecodeValue(string(value), "evt-1"); err == nil && rows.Campaign().Campaign != "evt-1" {
				panic("rows of another campaign")
			}
			_, _ = redis.DecodeNotice(string(value))
		}
	})
}

func TestNotices(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		revision := func(name string) readmodel.Revision {
			return readmodel.Revision{
				Incarnation: rapid.Int64().Draw(rt, name), Edits: rapid.Int64().Draw(rt, name), Position: events.Position(rapid.Int64().Draw(rt, name)),
			}
		}
		want := readmodel.Change{From: revision("from"), To: revision("to")}
		for range rapid.IntRange(0, 20).Draw(rt, "campaigns") {
			want.Campaigns = append(want.Campaigns, events.Campaign(rapid.String().Draw(rt, "campaign")))
		}
		message := redis.EncodeNotice(want)
		got, err := redis.DecodeNotice(string(message))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			rt.Fatalf("decoded: %v (-want +got):\n%s", err, diff)
		}
		i := rapid.IntRange(0, len(message)-1).Draw(rt, "damaged")
		message[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		if got, err := redis.DecodeNotice(string(message)); !errors.Is(err, redis.ErrForged) {
			rt.Fatalf("damaged, decoded as %v, %v", got, err)
		}
	})
}

// sampleRows returns the rows of a campaign of a month.
func sampleRows(c events.Campaign) readmodel.CampaignRows {
	at := time.Date(2026, 11, 23, 1, 2, 3, 456_000, time.UTC)
	won := func(n events.Won) *events.Won { return &n }
	all := []any{readmodel.CampaignStats{
		Campaign: c, Known: true, Shop: "store-1", Title: "가을 경품 이벤트", Objective: "신규 고객",
		StartsAt: at, EndsAt: at.AddDate(0, 1, 0),
		PrizeCost: won(1_000_000), PlatformCost: won(300_000), ExpectedSalesIncrease: won(5_000_000), BaselineSales: won(20_000_000),
		Participants: 12_345, NewCustomers: 2_345, Position: 1_000_000, UpdatedAt: at,
	}}
	figure := readmodel.Figure{Value: 5_000, At: at}
	for _, channel := range events.Channels() {
		all = append(all, readmodel.ChannelStats{
			ChannelKey: readmodel.ChannelKey{Campaign: c, Channel: string(channel)}, DistributedAt: at, Cost: won(50_000), Participants: 2_000,
			Impressions: figure, Views: figure, Clicks: figure, FetchedAt: at,
		})
	}
	for hour := range 24 * 30 {
		all = append(all, readmodel.ParticipationHour{
			HourKey: readmodel.HourKey{Campaign: c, Hour: at.Truncate(time.Hour).Add(time.Duration(hour) * time.Hour)}, Participants: int64(hour % 50),
		})
	}
	profile := readmodel.ParticipantProfile{Campaign: c}
	for _, region := range []string{"서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종", "경기", "강원"} {
		profile.Region.Add(region, 1_000)
	}
	all = append(all, profile)
	rows := readmodeltest.CampaignRows(all...)
	rows.Revision = readmodel.Revision{Incarnation: 1_795_435_200_000_000, Edits: 3, Position: 4_000_000}
	return rows
}
