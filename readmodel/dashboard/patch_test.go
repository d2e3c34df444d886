package dashboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	long := `"objective":"` + string(bytes.Repeat([]byte("x"), 300)) + `"`
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing": {`{"a":1,` + long + `}`, `{"a":1,` + long + `}`, `{}`},
		"a value": {`{"a":1,"b":2,` + long + `}`, `{"a":1,"b":3,` + long + `}`, `{"b":3}`},
		"a member of a member": {
			`{"s":{"a":1,"b":null,"c":2},` + long + `}`, `{"s":{"a":2,"b":null,"c":2},` + long + `}`, `{"s":{"a":2}}`,
		},
		"a label that is gone": {`{"p":{"서울":1,"부산":2},` + long + `}`, `{"p":{"부산":2},` + long + `}`, `{"p":{"서울":null}}`},
		"what becomes known":   {`{"a":null,` + long + `}`, `{"a":{"b":1},` + long + `}`, `{"a":{"b":1}}`},
		"what becomes unknown": {`{"a":1,` + long + `}`, `{"a":null,` + long + `}`, ""},
		"something unknown in what becomes known": {
			`{"a":null,` + long + `}`, `{"a":{"b":{"c":null}},` + long + `}`, "",
		},
		"an array with something unknown": {`{"a":[1],` + long + `}`, `{"a":[null],` + long + `}`, `{"a":[null]}`},
		"another object":                  {`{"a":1}`, `{"a":2}`, ""},
		"a bucket that grows": {
			`{"trend":[{"from":"a","n":1},{"from":"b","n":2}],` + long + `}`, `{"trend":[{"from":"a","n":1},{"from":"b","n":3}],` + long + `}`,
			`{"trendTail":{"from":"b","buckets":[{"from":"b","n":3}]}}`,
		},
		"a new bucket": {
			`{"trend":[{"from":"a","n":1}],` + long + `}`, `{"trend":[{"from":"a","n":1},{"from":"b","n":3}],` + long + `}`,
			`{"trendTail":{"from":"b","buckets":[{"from":"b","n":3}]}}`,
		},
		"a bucket that is gone": {
			`{"trend":[{"from":"a","n":1},{"from":"b","n":3}],` + long + `}`, `{"trend":[{"from":"a","n":1}],` + long + `}`,
			`{"trendTail":{"from":"b","buckets":[]}}`,
		},
		"longer buckets": {
			`{"trend":[{"from":"a","n":1},{"from":"b","n":2},{"from":"c","n":3}],` + long + `}`, `{"trend":[{"from":"a","n":1},{"from":"d","n":5}],` + long + `}`,
			`{"trendTail":{"from":"b","buckets":[{"from":"d","n":5}]}}`,
		},
		"another trend": {
			`{"trend":[{"from":"a","n":1}],` + long + `}`, `{"trend":[{"from":"a","n":2}],` + long + `}`, `{"trend":[{"from":"a","n":2}]}`,
		},
		"cells": {
			`{"heat":[[1,2],[3,4]],` + long + `}`, `{"heat":[[1,5],[6,4]],` + long + `}`, `{"heatCells":[[0,1,5],[1,0,6]]}`,
		},
		"the first cells": {`{"heat":null,` + long + `}`, `{"heat":[[1]],` + long + `}`, `{"heat":[[1]]}`},
		"rows": {
			`{"channels":[{"channel":"naver","v":1},{"channel":"kakao","v":null}],` + long + `}`,
			`{"channels":[{"channel":"naver","v":1},{"channel":"kakao","v":2}],` + long + `}`,
			`{"channelRows":[{"channel":"kakao","v":2}]}`,
		},
		"another row": {
			`{"channels":[{"channel":"naver"}],` + long + `}`, `{"channels":[{"channel":"kakao"}],` + long + `}`, `{"channels":[{"channel":"kakao"}]}`,
		},
		"no object": {`1`, `{"a":1,` + long + `}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patch, ok := dashboard.Patch([]byte(c.from), []byte(c.to))
			if ok != (c.want != "") {
				t.Fatalf("patch %s, %v", patch, ok)
			}
			if ok && !cmp.Equal(decode(t, patch), decode(t, []byte(c.want))) {
				t.Errorf("patch %s, want %s", patch, c.want)
			}
		})
	}
}

// TestPatchRestores: a patch turns any dashboard into any other.
func TestPatchRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, patchRestores)
}

// TestPatchFollowsACampaign: of the dashboards of a campaign that goes on, event by event, each is
// the one before with its patch; and most need no whole view.
func TestPatchFollowsACampaign(t *testing.T) {
	t.Parallel()
	begin, whole, all := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		campaign := readmodel.CampaignStats{Campaign: "evt-1", Known: true, Shop: "store-1", Title: "봄", Objective: "<b>", StartsAt: begin, EndsAt: begin.AddDate(0, 0, 20)}
		if rapid.Bool().Draw(rt, "money") {
			campaign.PrizeCost, campaign.PlatformCost, campaign.NewCustomerLTV = wonOf(1_000_000), wonOf(200_000), wonOf(50_000)
			campaign.GoalMetric, campaign.GoalTarget = "participants", 40
		}
		hours := map[time.Time]int64{}
		channels := map[events.Channel]readmodel.ChannelStats{}
		var profile readmodel.ParticipantProfile
		now := begin.Add(-time.Hour)
		show := func() []byte {
			var h []readmodel.ParticipationHour
			for at, n := range hours {
				h = append(h, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Hour: at}, Participants: n})
			}
			slices.SortFunc(h, func(a, b readmodel.ParticipationHour) int { return a.Hour.Compare(b.Hour) })
			var c []readmodel.ChannelStats
			for _, name := range slices.Sorted(maps.Keys(channels)) {
				c = append(c, channels[name])
			}
			return encode(rt, dashboard.New(readmodeltest.CampaignRows([]readmodel.CampaignStats{campaign}, h, c, profile), dashboard.View{Now: now}))
		}
		last := show()
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 72).Draw(rt, "hours later")) * time.Hour)
			campaign.Position++
			campaign.UpdatedAt = now
			name := rapid.SampledFrom([]events.Channel{"naver", "kakao", "onsite", "unknown"}).Draw(rt, "channel")
			row := channels[name]
			row.Channel = string(name)
			if rapid.IntRange(0, 3).Draw(rt, "figures") == 0 && name.Known() {
				row.FetchedAt = now
				row.Views = readmodel.Figure{Value: rapid.Int64Range(0, 1000).Draw(rt, "views"), At: now}
			} else {
				row.Participants++
				campaign.Participants++
				campaign.NewCustomers += int64(rapid.IntRange(0, 1).Draw(rt, "new"))
				hours[now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(rt, "hours ago"))*time.Hour)]++
				profile.Gender.Add(rapid.SampledFrom([]string{"female", "male", ""}).Draw(rt, "gender"), 1)
			}
			channels[name] = row
			next := show()
			patch, ok := dashboard.Patch(last, next)
			all++
			if !ok {
				whole++
			} else if got, want := readmodeltest.ApplyPatch(decode(rt, last), decode(rt, patch)), decode(rt, next); !cmp.Equal(got, want) {
				rt.Fatalf("from %s\nby   %s\n%s", last, patch, cmp.Diff(want, got))
			}
			last = next
		}
	})
	t.Logf("%d of %d are whole", whole, all)
	if whole > all/2 {
		t.Errorf("%d of %d updates are whole views", whole, all)
	}
}

func FuzzPatch(f *testing.F) { f.Fuzz(rapid.MakeFuzz(patchRestores)) }

func patchRestores(t *rapid.T) {
	from := shown().Draw(t, "from")
	to := shown().Draw(t, "to")
	for name, value := range from {
		if rapid.Bool().Draw(t, "unchanged "+name) {
			to[name] = value
		}
	}
	before, after := encode(t, from), encode(t, to)
	patch, ok := dashboard.Patch(before, after)
	if !ok {
		return
	}
	if got, want := readmodeltest.ApplyPatch(decode(t, before), decode(t, patch)), decode(t, after); !cmp.Equal(got, want) {
		t.Errorf("from %s\nby   %s\n%s", before, patch, cmp.Diff(want, got))
	}
}

// shown draws an object with the members of a dashboard, of all shapes.
func shown() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		d := map[string]any{"objective": "something that is longer than any patch of it ought to be, by a good measure of characters"}
		for _, name := range []string{"title", "summary", "economics", "profile", "comparison", "goal", "digest", "extra"} {
			if rapid.IntRange(0, 5).Draw(t, "has "+name) > 0 {
				d[name] = value(2).Draw(t, name)
			}
		}
		trend := []any{}
		step := rapid.IntRange(1, 3).Draw(t, "step")
		for n := rapid.IntRange(0, 4).Draw(t, "first"); n < rapid.IntRange(0, 8).Draw(t, "buckets"); n += step {
			trend = append(trend, map[string]any{"from": fmt.Sprintf("2026-11-23T%02d:00:00+09:00", n), "participants": rapid.IntRange(0, 2).Draw(t, "participants")})
		}
		d["trend"] = trend
		d["heat"] = nil
		if rapid.Bool().Draw(t, "has heat") {
			heat := make([]any, 7)
			for i := range heat {
				heat[i] = rapid.SliceOfN(rapid.IntRange(0, 1), 24, 24).Draw(t, "hours")
			}
			d["heat"] = heat
		}
		channels := []any{}
		for _, name := range []string{"naver", "kakao", "onsite"} {
			if rapid.Bool().Draw(t, "has "+name) {
				channels = append(channels, map[string]any{"channel": name, "views": value(0).Draw(t, "views"), "participants": rapid.IntRange(0, 2).Draw(t, "participants")})
			}
		}
		d["channels"] = channels
		return d
	})
}

// value draws a JSON value of a depth.
func value(depth int) *rapid.Generator[any] {
	plain := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.IntRange(0, 2), func(n int) any { return n }),
		rapid.Map(rapid.SampledFrom([]string{"", "<b>", "봄"}), func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	if depth == 0 {
		return plain
	}
	return rapid.OneOf(plain,
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), value(depth-1), 0, 3), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(s []any) any { return s }),
	)
}

func encode(t interface{ Fatal(...any) }, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t interface{ Fatalf(string, ...any) }, text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
