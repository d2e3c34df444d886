package readmodel_test

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
	"jangbu/readmodel/readmodeltest"
)

// drawRows draws the rows of one campaign in all tables.
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
	return readmodeltest.CampaignRows(all...)
}

// encoded returns the encoding of rows of the campaign of their [readmodel.CampaignStats].
func encoded(t interface{ Fatal(...any) }, k readmodel.Codec, rows readmodel.CampaignRows) string {
	b, ok := k.Append(nil, rows.Campaign().Campaign, rows.Of)
	if !ok {
		t.Fatal("not encoded")
	}
	return string(b)
}

func TestCodec(t *testing.T) {
	t.Parallel()
	k := readmodel.NewCodec(readmodeltest.Tables()...)

	t.Run("rows come back as they were", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			want := drawRows(rt)
			of, got, err := k.Decode(encoded(rt, k, want))
			if diff := cmp.Diff(want, got); diff != "" || err != nil || of != want.Campaign().Campaign {
				rt.Fatalf("decoded of %q: %v (-want +got):\n%s", of, err, diff)
			}
			rows := newRows()
			rows.PutAll(got) // of rows with one key, the last
			b, ok := k.Append(nil, of, func(t *readmodel.Table) []any { return rows.In(t, of) })
			_, again, err := k.Decode(string(b))
			if diff := cmp.Diff(rows.Of(of), again); diff != "" || err != nil || !ok {
				rt.Fatalf("in memory: %v (-want +got):\n%s", err, diff)
			}
		})
	})

	t.Run("a campaign without rows", func(t *testing.T) {
		t.Parallel()
		b, ok := k.Append(nil, "evt-1", readmodel.NewCampaignRows().Of)
		of, rows, err := k.Decode(string(b))
		if !ok || err != nil || of != "evt-1" || !rows.Empty() {
			t.Errorf("of %q, %v, %v: %v", of, rows, ok, err)
		}
	})

	t.Run("rows of another campaign are not encoded", func(t *testing.T) {
		t.Parallel()
		rows := readmodeltest.CampaignRows(readmodel.ParticipantProfile{Campaign: "evt-2"})
		if _, ok := k.Append(nil, "evt-1", rows.Of); ok {
			t.Error("encoded")
		}
	})

	t.Run("tables that are described otherwise", func(t *testing.T) {
		t.Parallel()
		value := encoded(t, k, readmodeltest.CampaignRows(readmodel.CampaignStats{Campaign: "evt-1"}))
		refused := func(what string, tables []*readmodel.Table) {
			if _, _, err := readmodel.NewCodec(tables...).Decode(value); !errors.Is(err, readmodel.ErrEncoding) {
				t.Errorf("%s: %v, want %v", what, err, readmodel.ErrEncoding)
			}
		}
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
				refused(tables[i].Name+", another "+name, tables)
			}
			refused("a table fewer", slices.Delete(readmodeltest.Tables(), i, i+1))
		}
	})

	t.Run("another form, and less or more than all", func(t *testing.T) {
		t.Parallel()
		value := encoded(t, k, readmodeltest.CampaignRows(readmodel.CampaignStats{Campaign: "evt-1", UpdatedAt: time.Unix(1e9, 0)}))
		for name, other := range map[string]string{"nothing": "", "the form before": "\x03" + value[1:], "less": value[:len(value)-1], "more": value + "\x00"} {
			if _, _, err := k.Decode(other); !errors.Is(err, readmodel.ErrEncoding) {
				t.Errorf("%s: %v, want %v", name, err, readmodel.ErrEncoding)
			}
		}
	})
}

// FuzzCodec decodes anything. What is accepted is encoded and comes back as it was.
func FuzzCodec(f *testing.F) {
	k := readmodel.NewCodec(readmodeltest.Tables()...)
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	rows := []any{
		readmodel.CampaignStats{Campaign: "evt-1", Title: "t", PrizeCost: new(events.Won(7)), UpdatedAt: at.Add(time.Second)},
		readmodel.ParticipantProfile{Campaign: "evt-1", Region: readmodel.Counts{{Label: "a", Participants: 1}, {Label: "b", Participants: 2}}},
	}
	for n := range 3 {
		rows = append(rows, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: at.Add(time.Duration(n) * time.Hour)}, Participants: 1})
	}
	f.Add([]byte(encoded(f, k, readmodeltest.CampaignRows(rows...))))
	empty, _ := k.Append(nil, "", readmodel.NewCampaignRows().Of)
	f.Add(empty)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, rows, err := k.Decode(string(b))
		if err != nil {
			return
		}
		b, ok := k.Append(nil, c, rows.Of)
		if !ok {
			t.Fatal("not encoded again")
		}
		_, again, err := k.Decode(string(b))
		if diff := cmp.Diff(rows, again); diff != "" || err != nil {
			t.Fatalf("decoded again: %v (-want +got):\n%s", err, diff)
		}
	})
}
