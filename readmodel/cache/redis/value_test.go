package redis_test

import (
	"encoding/base64"
	"errors"
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

func TestValues(t *testing.T) {
	t.Parallel()
	t.Run("rows come back as they were", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			want := sampleRows("evt-1")
			want.Revision = readmodel.Revision{
				Incarnation: rapid.Int64Min(1).Draw(rt, "incarnation"),
				Edits:       rapid.Int64Min(0).Draw(rt, "edits"),
				Position:    events.Position(rapid.Int64Min(0).Draw(rt, "at")),
			}
			value, ok := redis.EncodeValue("evt-1", want)
			if !ok {
				rt.Fatalf("not kept: %v", want)
			}
			if !strings.HasPrefix(string(value), want.Revision.String()) {
				rt.Fatalf("the value begins with %.48s, want %v", value, want.Revision)
			}
			got, err := redis.DecodeValue(string(value), "evt-1")
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
		for fits() && hours < 40_000 {
		}
		if hours < 20_000 || hours >= 40_000 {
			t.Errorf("the first that does not fit has %d hours", hours)
		}
	})

	t.Run("a value of other tables is not used", func(t *testing.T) {
		t.Parallel()
		value, _ := redis.EncodeValue("evt-1", sampleRows("evt-1"))
		if _, err := redis.DecodeValueOf(readmodeltest.Tables()[:4], string(value), "evt-1"); !errors.Is(err, redis.ErrUnusable) {
			t.Errorf("used: %v", err)
		}
	})

	t.Run("what an earlier program wrote is not used", func(t *testing.T) {
		t.Parallel()
		const (
			value  = "MDAwMDAwMDAwMDAwMDAwMTAwMDAwMDAwMDAwMDAwMDIwMDAwMDAwMDAwMDAwMDAzA/Ls9cIFZXZ0LTEBAQdzdG9yZS0xAXQA///d8t//39wB///d8t//39wBAAAAAAAAAA4AAIDj58TkubAGAAAAAJ3FLTd3rziuH8H3TvBzRDw="
			notice = "AgIEBgIECAEFZXZ0LTGa/MCrWf/y/ewiUMfaWmSY"
		)
		decoded := func(text string) string {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if _, err := redis.DecodeValue(decoded(value), "evt-1"); !errors.Is(err, redis.ErrUnusable) {
			t.Errorf("a value: used: %v", err)
		}
		if _, err := redis.DecodeNotice(decoded(notice)); !errors.Is(err, redis.ErrUnusable) {
			t.Errorf("a notice: used: %v", err)
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
