package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/readmodel/dashboard"
)

// evidence is one page.
type evidence struct {
	Card   string
	Total  *float64
	ByHour []struct {
		From         time.Time
		Participants int64
	}
	Outside   struct{ Before, After int64 }
	ByChannel []struct {
		Channel        string
		Participants   int64
		Exposure, Cost *float64
	}
	Events []map[string]any
	Next   *string
}

func (b *bundle) evidence(t testing.TB, campaign, query string, headers ...string) (page evidence) {
	t.Helper()
	w := b.do(t, http.MethodGet, "/api/events/"+campaign+"/analytics/evidence?"+query, headers...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", query, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	return page
}

// TestEvidence: the pages of a number are exactly the events that it is made of.
func TestEvidence(t *testing.T) {
	t.Parallel()
	b := setupHistory(t, func(*httpapi.Config) {})
	won, low, high, returning := func(n events.Won) *events.Won { return &n }, int64(2000), int64(5000), false
	facts := []events.Event{
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-early", Gender: "female", Region: "서울", AgeGroup: "30s", NewCustomer: &returning},
		&events.EventCreated{Campaign: "evt-1", Shop: "store-1", Title: "개업", PrizeCost: won(1000)},
		&events.EventCreated{Campaign: "evt-2", Shop: "store-2", Title: "another"},
		&events.EventCreated{Campaign: "evt-1", Shop: "store-1", Title: "개업", PrizeCost: won(3000), PlatformCost: won(0), ExpectedSalesIncrease: won(10), BaselineSales: won(100)},
		&events.DistributionCompleted{Campaign: "evt-1", CompletedAt: noon(), Channels: []events.Distribution{{Channel: events.Naver, Cost: won(1000)}, {Channel: events.Kakao}}},
		&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Naver, FetchedAt: noon(), Views: &low, Clicks: &low},
		&events.ParticipantRegistered{Campaign: "evt-2", Participant: "p-another"},
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-2", Channel: "naver"},
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-withdrawn", Channel: "naver"},
		&events.ParticipantRegistered{Campaign: "evt-1", Participant: "p-3", Channel: "전단지"},
		&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Naver, FetchedAt: noon().Add(time.Minute), Impressions: &high},
		&events.EventsWithdrawn{Campaign: "evt-1", Positions: []events.Position{9}, Who: "who", Why: "why"},
	}
	b.fold(t, facts...)
	at := func(positions ...int) []map[string]any {
		all := []map[string]any{}
		for _, p := range positions {
			e := map[string]any{
				"position": float64(p), "type": facts[p-1].Type().String(), "occurredAt": "2026-11-23T12:00:00+09:00", "recordedAt": "2026-11-23T12:00:00+09:00",
				"channel": nil, "topic": nil, "partition": nil, "offset": nil, "figures": nil, "amounts": nil, "costs": nil,
			}
			if o := originAt(events.Position(p)); o.Known() {
				e["topic"], e["partition"], e["offset"] = o.Topic, float64(o.Partition), float64(o.Offset)
			}
			switch p {
			case 1:
				e["channel"] = "unknown"
			case 2:
				e["amounts"] = map[string]any{"prizeCost": 1000., "platformCost": nil, "expectedSalesIncrease": nil, "baselineSales": nil, "newCustomerLtv": nil}
			case 4:
				e["amounts"] = map[string]any{"prizeCost": 3000., "platformCost": 0., "expectedSalesIncrease": 10., "baselineSales": 100., "newCustomerLtv": nil}
			case 5:
				e["costs"] = []any{map[string]any{"channel": "naver", "cost": 1000.}, map[string]any{"channel": "kakao", "cost": nil}}
			case 6:
				e["channel"], e["figures"] = "naver", map[string]any{"impressions": nil, "views": 2000.}
			case 8:
				e["channel"] = "naver"
			case 10:
				e["channel"] = "other"
			case 11:
				e["channel"], e["figures"] = "naver", map[string]any{"impressions": 5000., "views": nil}
			}
			all = append(all, e)
		}
		return all
	}
	for card, want := range map[string]struct {
		total  float64
		events []map[string]any
	}{
		"totalParticipants":  {3, at(1, 8, 10)},
		"totalExposure":      {5000, at(6, 11)},
		"roiPercent":         {-99.75, at(2, 4, 5)},
		"salesGrowthPercent": {10, at(2, 4)},
		"costPerParticipant": {1333, at(2, 4, 5)},
	} {
		page := b.evidence(t, "evt-1", "card="+card)
		if diff := cmp.Diff(want.events, page.Events); diff != "" || page.Card != card || page.Total == nil || *page.Total != want.total || page.Next != nil {
			t.Errorf("%s: total %v, next %v, events (-want +got):\n%s", card, page.Total, page.Next, diff)
		}
		page = b.evidence(t, "evt-1", "card="+card, "Authorization: Bearer "+mint(t, owner("store-1")))
		if page.Events != nil || page.Next != nil || page.Total == nil || *page.Total != want.total || len(page.ByChannel) != 4 || len(page.ByHour) != 1 {
			t.Errorf("%s for its owner: %+v", card, page)
		}
	}
	// Nothing that a person could be known by, in whatever member.
	for _, card := range dashboard.Numbers() {
		w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics/evidence?card="+string(card))
		for _, personal := range []string{"p-", "female", "서울", "30s", "전단지", "participantId", "pseudonym", "개업"} {
			if strings.Contains(w.Body.String(), personal) {
				t.Errorf("%s: holds %s: %s", card, personal, w.Body)
			}
		}
	}
	for query, want := range map[string]string{
		"card=": "card: unknown number", "card=title": "card: unknown number: expected one of [totalParticipants", "card=roiPercent&card=roiPercent": "more than once",
		"limit=0": "limit: expected", "limit=201": "limit: expected", "limit=x": "limit: expected", "limit=": "limit: expected",
		"cursor=": "cursor: expected", "cursor=0": "cursor: expected", "cursor=-1": "cursor: expected", "cursor=9223372036854775808": "cursor: expected", "cursor=1e3": "cursor: expected",
		"tz=Mars": "tz: expected", "asOf=1": "unknown parameter", "from=2026-11-23T03:00:00Z": "unknown parameter", "card=%ff": "card: unknown number",
	} {
		w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics/evidence?"+query)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", query, w.Code, w.Body, want)
		}
	}
	if page := b.evidence(t, "evt-1", "cursor=9223372036854775807&tz=UTC"); len(page.Events) != 0 || page.Events == nil || page.ByHour[0].From.Format(time.RFC3339) != "2026-11-23T03:00:00Z" {
		t.Errorf("beyond the end, in UTC: %+v", page)
	}
}

// TestEvidenceAddsUp: whatever a campaign holds, the union of all pages is as many events as
// the card says, and its hours and channels make the same sum.
func TestEvidenceAddsUp(t *testing.T) {
	t.Parallel()
	b, checks := setupHistory(t, func(*httpapi.Config) {}), 0
	rapid.Check(t, func(rt *rapid.T) {
		checks++
		one, other := events.Campaign(fmt.Sprint("evt-", checks)), events.Campaign(fmt.Sprint("another-", checks))
		var facts []events.Event
		for n := range rapid.IntRange(1, 25).Draw(rt, "events") {
			campaign := rapid.SampledFrom([]events.Campaign{one, one, one, other}).Draw(rt, "campaign")
			switch rapid.SampledFrom([]string{"registration", "registration", "figures", "withdrawal"}).Draw(rt, "kind") {
			case "figures":
				views := int64(n)
				facts = append(facts, &events.ChannelStatsFetched{Campaign: campaign, Channel: events.Naver, FetchedAt: noon(), Views: &views})
			case "withdrawal":
				if len(facts) == 0 {
					continue
				}
				facts = append(facts, &events.EventsWithdrawn{Campaign: campaign, Positions: []events.Position{b.position + events.Position(rapid.IntRange(1, len(facts)).Draw(rt, "withdrawn"))}, Who: "who", Why: "why"})
			default:
				facts = append(facts, &events.ParticipantRegistered{
					Campaign: campaign, Participant: fmt.Sprint("p-", n),
					Channel: rapid.SampledFrom([]string{"", "naver", "onsite", "네이버", "전단지", "unknown", "other"}).Draw(rt, "channel"),
				})
			}
		}
		facts = append(facts, &events.EventCreated{Campaign: one, Shop: "store-1", Title: "t"})
		b.fold(t, facts...)
		limit := rapid.IntRange(1, 7).Draw(rt, "limit")
		var positions []float64
		query := url.Values{"card": {"totalParticipants"}, "limit": {fmt.Sprint(limit)}}
		byChannel := make(map[string]int64)
		for {
			page := b.evidence(t, string(one), query.Encode())
			hours, channels := page.Outside.Before+page.Outside.After, int64(0)
			for _, h := range page.ByHour {
				hours += h.Participants
			}
			for _, c := range page.ByChannel {
				channels += c.Participants
				byChannel[c.Channel] += 0
				if page.Next == nil {
					byChannel[c.Channel] -= c.Participants
				}
			}
			if float64(hours) != *page.Total || float64(channels) != *page.Total || len(page.Events) > limit || page.Next != nil && len(page.Events) != limit {
				rt.Errorf("%d events, by hour %d, by channel %d of %v", len(page.Events), hours, channels, *page.Total)
			}
			for _, e := range page.Events {
				positions = append(positions, e["position"].(float64))
				byChannel[e["channel"].(string)]++
			}
			if page.Next == nil {
				if float64(len(positions)) != *page.Total || !slices.IsSorted(positions) || len(slices.Compact(positions)) != len(positions) {
					rt.Errorf("all pages: %v, the card says %v", positions, *page.Total)
				}
				break
			}
			query.Set("cursor", *page.Next)
		}
		for channel, n := range byChannel {
			if n != 0 {
				rt.Errorf("%s: the events are %d more than the channel says", channel, n)
			}
		}
	})
}

// TestEvidenceWithoutLog: a server without a log has the counts.
func TestEvidenceWithoutLog(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.fold(t, campaign("evt-1", "store-1")...)
	if page := b.evidence(t, "evt-1", "card=totalExposure"); page.Events != nil || page.Next != nil || *page.Total != 2000 {
		t.Errorf("%+v", page)
	}
}
