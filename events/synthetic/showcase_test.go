package synthetic_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/synthetic"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// folded is the rows of a showcase's records, and when people registered.
type folded struct {
	rows     *readmodel.Rows
	position events.Position
	at       map[events.Campaign][]time.Time
	channels map[events.Campaign][]events.Channel
}

func (f *folded) fold(t *testing.T, records ...events.Record) {
	t.Helper()
	batch := make([]events.Recorded, 0, len(records))
	for _, rec := range records {
		typ := map[string]events.Type{
			"EventCreated": events.TypeEventCreated, "ParticipantRegistered": events.TypeParticipantRegistered,
			"DistributionCompleted": events.TypeDistributionCompleted, "ChannelStatsFetched": events.TypeChannelStatsFetched,
		}[rec.Topic]
		d, err := events.Decode(typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatalf("%s: %v", rec.Value, err)
		}
		switch e := d.Event.(type) {
		case *events.ParticipantRegistered:
			f.at[e.Campaign] = append(f.at[e.Campaign], rec.Timestamp)
		case *events.DistributionCompleted:
			for _, c := range e.Channels {
				f.channels[e.Campaign] = append(f.channels[e.Campaign], c.Channel)
			}
		case *events.EventCreated, *events.ChannelStatsFetched, *events.EventsWithdrawn:
		}
		f.position++
		batch = append(batch, events.Recorded{
			Position: f.position, ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt, RecordedAt: rec.Timestamp, Event: d.Event,
		})
	}
	projections.Fold(f.rows, projections.All(), batch)
}

// poll folds what the channels' APIs report at a time.
func (f *folded) poll(s *synthetic.Showcase, at time.Time) {
	for campaign, all := range f.channels {
		for _, channel := range all {
			e := &events.ChannelStatsFetched{Campaign: campaign, Channel: channel, FetchedAt: at}
			for name, to := range map[string]**int64{
				"impressions": &e.Impressions, "views": &e.Views, "clicks": &e.Clicks, "likes": &e.Likes, "comments": &e.Comments, "shares": &e.Shares,
			} {
				if n, ok := s.Figure(string(campaign), string(channel)+"/"+name, at); ok {
					*to = &n
				}
			}
			f.position++
			projections.Fold(f.rows, projections.All(), []events.Recorded{{Position: f.position, OccurredAt: at, RecordedAt: at, Event: e}})
		}
	}
}

// TestOwnersBelieveTheShowcase holds each number of each campaign, at its start and while it
// goes on, within what a small shop sees.
func TestOwnersBelieveTheShowcase(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for seed := range uint64(10) {
		now := time.Unix(1_767_225_600+random.Int64N(4*365*24*60*60), 0) // 2026 to 2029
		switch seed {
		case 0: // a day has just begun in Seoul, or is about to end
			now = time.Date(2026, 11, 28, 15, 0, 1, 0, time.UTC)
		case 1:
			now = time.Date(2026, 11, 29, 14, 59, 50, 0, time.UTC)
		}
		s, err := synthetic.NewShowcase(synthetic.Config{Seed: seed, Start: now})
		if err != nil {
			t.Fatal(err)
		}
		f := &folded{
			rows: readmodel.NewRows(projections.Tables(projections.All())...),
			at:   map[events.Campaign][]time.Time{}, channels: map[events.Campaign][]events.Channel{},
		}
		f.fold(t, s.Past()...)
		if n := len(f.rows.Campaigns()); n != 30 {
			t.Fatalf("%d campaigns", n)
		}
		f.believe(t, now)
		var live []events.Record
		for until, at := now.Add(30*time.Hour), now; ; {
			wait, ok := s.Wait(at, time.Minute)
			if at = at.Add(wait); !ok || at.After(until) {
				break
			}
			if wait < 0 || wait > time.Minute {
				t.Fatalf("no registration for %s", wait)
			}
			live = append(live, s.Next(at))
		}
		f.fold(t, live...)
		for after := time.Duration(0); after <= 30*time.Hour; after += 3 * time.Hour {
			f.poll(s, now.Add(after))
		}
		f.believe(t, now.Add(30*time.Hour))
		f.busiest(t, now)
	}
}

// believe checks the numbers at a moment.
func (f *folded) believe(t *testing.T, now time.Time) {
	t.Helper()
	states, whole := map[events.Shop]map[dashboard.State]int{}, map[events.Shop]int{}
	for _, rows := range f.rows.ByCampaign() {
		d := dashboard.New(rows, dashboard.View{Now: now})
		said := func(format string, args ...any) {
			t.Errorf("%s %q from %s to %s at %s: "+format, append([]any{d.Campaign, *d.Title, d.StartsAt, d.EndsAt, now}, args...)...)
		}
		if states[*d.Shop] == nil {
			states[*d.Shop] = map[dashboard.State]int{}
		}
		states[*d.Shop][d.State]++
		if d.State == dashboard.Planned {
			if d.Summary.TotalParticipants > 0 || len(d.Channels) > 0 {
				said("%d participants, %d channels before the start", d.Summary.TotalParticipants, len(d.Channels))
			}
			continue
		}
		if n := d.Summary.TotalParticipants; n < 40 || n > 600 {
			said("%d participants", n)
		}
		if growth := d.Summary.SalesGrowthPercent; growth == nil || *growth < 0.5 || *growth > 40 {
			said("sales growth %v", growth)
		}
		if len(d.Summary.Missing) == 0 {
			if roi := *d.Summary.ROIPercent; roi < -60 || roi > 250 {
				said("ROI %v %%", roi)
			}
			if cost := *d.Summary.CostPerParticipant; cost < 500 || cost > 60_000 {
				said("%d won for a participant", cost)
			}
			whole[*d.Shop]++
		}
		for _, c := range d.Channels {
			switch {
			case !c.Channel.Known():
			case c.ConversionPercent == nil || *c.ConversionPercent > 100:
				said("%s: %d participants, conversion %v", c.Channel, c.Participants, c.ConversionPercent)
			case c.Exposure != nil && (*c.ConversionPercent > 6 || *c.Exposure > 200_000):
				said("%s: %d of %d, %v %%", c.Channel, c.Participants, *c.Exposure, *c.ConversionPercent)
			}
		}
		for _, at := range f.at[d.Campaign] {
			if at.Before(*d.StartsAt) || at.After(now) || at.After(*d.EndsAt) {
				said("a registration at %s", at)
			}
		}
	}
	for shop, n := range states {
		if n[dashboard.Planned] < 1 || n[dashboard.Running] < 1 || n[dashboard.Ended] < 2 || len(f.rows.Campaigns()) != 5*len(states) {
			t.Errorf("%s at %s: %v", shop, now, n)
		}
		if whole[shop] < 3 {
			t.Errorf("%s at %s: of %d campaigns all is known", shop, now, whole[shop])
		}
	}
}

// busiest checks that at the busiest hour of the day of the start one to three register in
// a minute.
func (f *folded) busiest(t *testing.T, now time.Time) {
	t.Helper()
	seoul := time.FixedZone("KST", 9*60*60)
	hours, most := map[int]int{}, 0
	for _, all := range f.at {
		for _, at := range all {
			if local := at.In(seoul); local.Format(time.DateOnly) == now.In(seoul).Format(time.DateOnly) {
				hours[local.Hour()]++
				most = max(most, hours[local.Hour()])
			}
		}
	}
	if most < 60 || most > 180 {
		t.Errorf("%d at the busiest hour of %s", most, now)
	}
}

// TestShowcaseLeavesOut: what producers leave out or spell otherwise is there to be seen.
func TestShowcaseLeavesOut(t *testing.T) {
	t.Parallel()
	s, err := synthetic.NewShowcase(synthetic.Config{Start: start()})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, rec := range s.Past() {
		text := string(rec.Value)
		for _, what := range []string{
			`"goal":{"metric":"participants"`, `"goal":{"metric":"newCustomers"`, `"channel":"현장"`, `"channel":"네이버"`, `"channel":"naver "`, `"channel":"당근"`, `"cost":`,
		} {
			if strings.Contains(text, what) {
				said[what]++
			}
		}
		if rec.Topic == "EventCreated" && !strings.Contains(text, "prizeCost") {
			said["no prizes"]++
		}
		if rec.Topic == "ParticipantRegistered" && !strings.Contains(text, `"channel"`) {
			said["no channel"]++
		}
		if rec.Topic == "DistributionCompleted" && strings.Contains(text, `,"naver"`) {
			said["no cost"]++
		}
	}
	if len(said) < 9 || said["no prizes"] != 1 {
		t.Errorf("what is seen: %v", said)
	}
}

// TestShowcaseIsLoaded: at a rate, those that run take the load, with the shares asked for.
func TestShowcaseIsLoaded(t *testing.T) {
	t.Parallel()
	s, err := synthetic.NewShowcase(synthetic.Config{Start: start(), DuplicateShare: 0.1, MalformedShare: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	g, loaded := s.Load(start(), time.Millisecond), map[string]bool{}
	for range 1000 {
		loaded[string(g.Next().Key)] = true
	}
	if n := g.Expected().DeadLetters; n != 100 {
		t.Errorf("%d of 1,000 are malformed", n)
	}
	for campaign := range loaded {
		if !strings.HasSuffix(campaign, "-2") && !strings.HasSuffix(campaign, "-3") {
			t.Errorf("%s took part", campaign)
		}
	}
	if len(loaded) != 12 {
		t.Errorf("%v took part", slices.Sorted(maps.Keys(loaded)))
	}
}
