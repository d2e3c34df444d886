package projections_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// TestTotalsAgree holds that every participant counts once in each projection:
// once for the campaign, in one hour, in one channel, and in one value of each dimension,
// however the texts are spelled.
func TestTotalsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := drawLog(rt)
		rows := fold(log)
		registered := map[events.Campaign]int64{}
		for _, e := range log {
			if _, ok := e.Event.(*events.ParticipantRegistered); ok {
				registered[e.Event.Subject()]++
			}
		}
		for _, c := range rows.ByCampaign() {
			campaign := c.Campaign().Campaign
			want := registered[campaign]
			got := map[string]int64{"event_stats": c.Campaign().Participants, "hours": 0, "channels": 0}
			for _, h := range c.Hours() {
				got["hours"] += h.Participants
			}
			for _, ch := range c.Channels() {
				got["channels"] += ch.Participants
			}
			newcomers := int64(0)
			p := c.Profile()
			for name, counts := range map[string]readmodel.Counts{"gender": p.Gender, "age group": p.AgeGroup, "region": p.Region, "customer": p.Customer} {
				got[name] = 0
				for _, n := range counts {
					got[name] += n.Participants
					if name == "customer" && n.Label == readmodel.NewCustomer {
						newcomers += n.Participants
					}
				}
			}
			for name, n := range got {
				if n != want {
					rt.Fatalf("%s: %d participants by %s, registered were %d", campaign, n, name, want)
				}
			}
			if newcomers != c.Campaign().NewCustomers {
				rt.Fatalf("%s: %d new customers in the profile, %d in event_stats", campaign, newcomers, c.Campaign().NewCustomers)
			}
		}
	})
}

// TestFoldInBatches carries rows through a store between batches, loading only
// what Touch names, and compares with a fold in one go (I6).
func TestFoldInBatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := drawLog(rt)
		store := newRows()
		for rest := log; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
			batch := rest[:n]
			rest = rest[n:]
			for _, p := range shuffled(rt, projections.All()) {
				keys := newKeys()
				for i := range batch {
					p.Touch(keys, &batch[i])
				}
				rows := load(store, keys)
				projections.Fold(rows, []projections.Projection{p}, batch)
				save(store, rows)
			}
		}
		if diff := readmodeltest.Diff(fold(log), store); diff != "" {
			rt.Fatalf("folded in batches (-in one go +in batches):\n%s", diff)
		}
	})
}

// TestTouchCoversFold holds that folding an event makes exactly the rows that
// Touch names, all of them in the projection's own table.
func TestTouchCoversFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		for _, e := range drawLog(rt) {
			for _, p := range projections.All() {
				keys, rows := newKeys(), newRows()
				p.Touch(keys, &e)
				p.Fold(rows, &e)
				touched, folded := make(map[string][]string), make(map[string][]string)
				for t, named := range keys.All() {
					for _, key := range named {
						touched[t.Name] = append(touched[t.Name], keyText(t.Key, key))
					}
				}
				for t, made := range rows.All() {
					if t.Name != p.Name() {
						rt.Fatalf("%s made rows of %s", p.Name(), t.Name)
					}
					for _, row := range made {
						folded[t.Name] = append(folded[t.Name], keyText(t.Columns[:len(t.Key)], row))
					}
				}
				if diff := cmp.Diff(touched, folded); diff != "" {
					rt.Fatalf("%s of a %s (-touched +folded):\n%s", p.Name(), e.Event.Type(), diff)
				}
			}
		}
	})
}

// TestInterleavingOfTopicsDoesNotMatter mixes the four topics anew, each in its
// own order: the rows are the same, but for which event came last (I6).
func TestInterleavingOfTopicsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := drawLog(rt)
		topics := map[events.Type][]events.Event{}
		occurred := map[events.Event]time.Time{}
		var order []events.Type
		for _, e := range log {
			topics[e.Event.Type()] = append(topics[e.Event.Type()], e.Event)
			occurred[e.Event] = e.OccurredAt
			order = append(order, e.Event.Type())
		}
		var mixed []events.Recorded
		for i, typ := range shuffled(rt, order) {
			p := events.Position(i + 1)
			e := topics[typ][0]
			topics[typ] = topics[typ][1:]
			mixed = append(mixed, events.Recorded{Position: p, OccurredAt: occurred[e], RecordedAt: recordedAt(p), Event: e})
		}
		last := cmpopts.IgnoreFields(readmodel.CampaignStats{}, "Position", "UpdatedAt")
		if diff := cmp.Diff(readmodeltest.ByTable(fold(log)), readmodeltest.ByTable(fold(mixed)), last); diff != "" {
			rt.Fatalf("mixed anew (-first +second):\n%s", diff)
		}
	})
}

// TestFigureIsTheLatestReported compares each figure with a search of the whole
// log for the latest report that carries it (I8).
func TestFigureIsTheLatestReported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := drawLog(rt)
		for key, row := range fold(log).Channels() {
			var want [6]readmodel.Figure
			var fetched time.Time
			for _, e := range log {
				report, ok := e.Event.(*events.ChannelStatsFetched)
				if !ok || report.Campaign != key.Campaign || string(report.Channel) != key.Channel {
					continue
				}
				if report.FetchedAt.After(fetched) {
					fetched = report.FetchedAt
				}
				for i, said := range []*int64{
					report.Impressions, report.Views, report.Clicks, report.Likes, report.Comments, report.Shares,
				} {
					if said != nil && !report.FetchedAt.Before(want[i].At) {
						want[i] = readmodel.Figure{Value: *said, At: report.FetchedAt}
					}
				}
			}
			if diff := cmp.Diff(want, figures(*row)); diff != "" {
				rt.Fatalf("%v figures (-want +got):\n%s", key, diff)
			}
			if !row.FetchedAt.Equal(fetched) {
				rt.Fatalf("%v fetched at %v, want %v", key, row.FetchedAt, fetched)
			}
		}
	})
}

func fold(log []events.Recorded) *readmodel.Rows {
	rows := newRows()
	projections.Fold(rows, projections.All(), log)
	return rows
}

// newRows and newKeys have room for the rows of every projection.
func newRows() *readmodel.Rows { return readmodel.NewRows(projections.Tables(projections.All())...) }

func newKeys() *readmodel.Keys { return readmodel.NewKeys(projections.Tables(projections.All())...) }

func shuffled[T any](rt *rapid.T, in []T) []T {
	return rapid.Permutation(in).Draw(rt, "order")
}

// load copies those of the named rows that are there, as a store does.
func load(store *readmodel.Rows, keys *readmodel.Keys) *readmodel.Rows {
	named := make(map[string]bool)
	for t, some := range keys.All() {
		for _, key := range some {
			named[t.Name+keyText(t.Key, key)] = true
		}
	}
	rows := newRows()
	for t, all := range store.All() {
		for _, row := range all {
			if named[t.Name+keyText(t.Columns[:len(t.Key)], row)] {
				kept := t.NewRow()
				reflect.ValueOf(kept).Elem().Set(reflect.ValueOf(row).Elem())
				rows.Put(t, kept)
			}
		}
	}
	return rows
}

func save(store, rows *readmodel.Rows) {
	for t, some := range rows.All() {
		for _, row := range some {
			store.Put(t, row)
		}
	}
}

// keyText tells a key from all others of its table.
func keyText(columns []readmodel.Column, of any) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, " %s=%q", c.Name, c.Text(of))
	}
	return b.String()
}

// drawLog draws a short log of few campaigns, channels and moments, so that
// events meet.
func drawLog(rt *rapid.T) []events.Recorded {
	log := make([]events.Recorded, rapid.IntRange(0, 60).Draw(rt, "length"))
	for i := range log {
		p := events.Position(i + 1)
		log[i] = events.Recorded{Position: p, RecordedAt: recordedAt(p), OccurredAt: drawMoment(rt), Event: drawEvent(rt, i)}
	}
	return log
}

func drawEvent(rt *rapid.T, i int) events.Event {
	campaign := rapid.SampledFrom([]events.Campaign{"evt-1", "evt-2", "이벤트"}).Draw(rt, "campaign")
	won := rapid.Ptr(rapid.Map(rapid.Int64Range(0, int64(events.MaxWon)), func(n int64) events.Won { return events.Won(n) }), true)
	channel := rapid.SampledFrom(events.Channels())
	switch rapid.SampledFrom(events.Types()).Draw(rt, "type") {
	case events.TypeEventCreated:
		return &events.EventCreated{
			Campaign: campaign, Shop: "store-1", Title: fmt.Sprint("title ", i), Objective: "objective",
			StartsAt: drawMoment(rt), PrizeCost: won.Draw(rt, "prize"), NewCustomerLTV: won.Draw(rt, "ltv"),
		}
	case events.TypeDistributionCompleted:
		e := &events.DistributionCompleted{Campaign: campaign, CompletedAt: drawMoment(rt)}
		for _, c := range rapid.SliceOfNDistinct(channel, 1, 3, rapid.ID).Draw(rt, "channels") {
			e.Channels = append(e.Channels, events.Distribution{Channel: c, Cost: won.Draw(rt, "cost")})
		}
		return e
	case events.TypeChannelStatsFetched:
		figure := rapid.Ptr(rapid.Int64Range(0, 1000), true)
		return &events.ChannelStatsFetched{
			Campaign: campaign, Channel: channel.Draw(rt, "channel"), FetchedAt: drawMoment(rt),
			Impressions: figure.Draw(rt, "impressions"), Views: figure.Draw(rt, "views"), Clicks: figure.Draw(rt, "clicks"),
			Likes: figure.Draw(rt, "likes"), Comments: figure.Draw(rt, "comments"), Shares: figure.Draw(rt, "shares"),
		}
	default:
		text := func(label string, values ...string) string {
			return rapid.SampledFrom(append(values, "")).Draw(rt, label)
		}
		return &events.ParticipantRegistered{
			Campaign: campaign, Participant: fmt.Sprint("p-", i), Channel: text("channel", "naver", "NAVER ", "네이버", "kakao", "walk-in", "현장", "전단지"),
			NewCustomer: rapid.Ptr(rapid.Bool(), true).Draw(rt, "new"),
			Gender:      text("gender", "female", "여성", "male", "unknown"), AgeGroup: text("age", "20s", "30s", "30대"), Region: text("region", "서울", "Seoul", "해외"),
		}
	}
}

// drawMoment draws one of few times, some of them equal, some in one hour.
func drawMoment(rt *rapid.T) time.Time {
	minutes := rapid.SampledFrom([]int{0, 1, 59, 60, 61, 24 * 60}).Draw(rt, "minute")
	return time.Date(2026, 11, 23, 0, minutes, 0, 0, time.UTC)
}
