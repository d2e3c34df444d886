package synthetic_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start() time.Time { return time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) }

func newGenerator(t testing.TB, c synthetic.Config) *synthetic.Generator {
	t.Helper()
	if c.Start.IsZero() {
		c.Start = start()
	}
	g, err := synthetic.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// digest is over everything of the records.
func digest(lists ...[]events.Record) string {
	h := sha256.New()
	for _, records := range lists {
		for _, r := range records {
			h.Write(events.AppendFrame(nil, events.Frame{Topic: r.Topic, Records: []events.Record{r}}))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func next(g *synthetic.Generator, n int) []events.Record {
	records := make([]events.Record, n)
	for i := range records {
		records[i] = g.Next()
	}
	return records
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	all := func(seed uint64) string {
		g := newGenerator(t, synthetic.Config{Seed: seed, DuplicateShare: 0.1, MalformedShare: 0.05})
		return digest(g.Campaigns(), g.Distributions(), next(g, 10_000), g.Stats(start().Add(time.Hour)))
	}
	const golden = "2d088659f4247a6afec34c251dd5d233d0183eddf692b812d69f4a19679707bf"
	if got := all(42); got != golden {
		t.Errorf("the traffic of seed 42 has digest %s, want %s", got, golden)
	}
	if all(43) == golden {
		t.Error("two seeds give the same traffic")
	}
}

func TestTheHottestCampaignGetsItsShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		campaigns int
		hot, want float64
	}{
		{1000, 0, 0.2},
		{1000, 0.05, 0.05},
		{1000, 0.9, 0.9},
		{10, 0.5, 0.5},
		{2, 0.99, 0.99},
		{3, 0.2, 1.0 / 3}, // an even share is the least
		{1, 0.2, 1},
	} {
		g := newGenerator(t, synthetic.Config{Seed: 7, Campaigns: c.campaigns, HotShare: c.hot})
		const n = 20_000
		next(g, n)
		totals := g.Expected()
		got := float64(totals.Campaigns[0].Participants) / n
		if math.Abs(got-c.want) > 0.01 {
			t.Errorf("of %d campaigns the hottest got %.3f of the registrations, want %.3f", c.campaigns, got, c.want)
		}
		if c.campaigns == 1000 && c.hot == 0 {
			// Zipf: the second gets 2^-s of the first, the fourth 4^-s.
			second := float64(totals.Campaigns[1].Participants) / float64(totals.Campaigns[0].Participants)
			fourth := float64(totals.Campaigns[3].Participants) / float64(totals.Campaigns[0].Participants)
			if math.Abs(second*second-fourth) > 0.03 {
				t.Errorf("second %.3f and fourth %.3f of the first do not follow a Zipf law", second, fourth)
			}
			if len(totals.Campaigns) < 900 {
				t.Errorf("only %d of 1,000 campaigns have a participant", len(totals.Campaigns))
			}
		}
	}
}

func TestEveryRecordDecodes(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Seed: 1, Campaigns: 200})
	at := start()
	for typ, records := range map[events.Type][]events.Record{
		events.TypeEventCreated:          g.Campaigns(),
		events.TypeDistributionCompleted: g.Distributions(),
		events.TypeChannelStatsFetched:   append(g.Stats(at), g.Stats(at.Add(time.Minute))...),
		events.TypeParticipantRegistered: next(g, 5000),
	} {
		seen := map[events.ID]bool{}
		for _, rec := range records {
			d, err := events.Decode(typ, rec, rec.Timestamp)
			if err != nil {
				t.Fatalf("%s: %v", rec.Value, err)
			}
			if rec.Topic != typ.String() || string(rec.Key) != string(d.Event.Subject()) {
				t.Fatalf("%s is on topic %q with key %q", rec.Value, rec.Topic, rec.Key)
			}
			if seen[d.ID] {
				t.Fatalf("%s has the identity of another", rec.Value)
			}
			seen[d.ID] = true
			if typ == events.TypeParticipantRegistered {
				if _, err := events.NormalizePhone(d.Phone.Reveal()); err != nil {
					t.Fatalf("%s: phone number: %v", rec.Value, err)
				}
			}
			switch e := d.Event.(type) {
			case *events.EventCreated:
			case *events.DistributionCompleted:
				if len(e.Channels) < 2 {
					t.Errorf("%d channels", len(e.Channels))
				}
			case *events.ChannelStatsFetched:
			case *events.ParticipantRegistered, *events.EventsWithdrawn:
			}
		}
		if len(seen) == 0 {
			t.Errorf("no %s", typ)
		}
	}
}

// A pipeline in small: what it counts must be what the generator expects.
func TestExpectedIsTrue(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Seed: 3, Campaigns: 50, DuplicateShare: 0.2, MalformedShare: 0.1})
	got := synthetic.Totals{Ways: map[string]int64{}}
	type identity struct {
		campaign events.Campaign
		id       events.ID
	}
	known := map[identity]events.Digest{}
	campaigns := map[events.Campaign]*synthetic.CampaignTotals{}
	withoutTime := 0
	for range 20_000 {
		rec := g.Next()
		got.Records++
		d, err := events.Decode(events.TypeParticipantRegistered, rec, rec.Timestamp)
		if err == nil {
			_, err = events.NormalizePhone(d.Phone.Reveal())
		}
		if err != nil {
			// The ways rotate, so the expected one is known.
			way := synthetic.Ways()[got.DeadLetters%10]
			got.DeadLetters++
			got.Ways[way.Name]++
			detail := err.Error()
			if errors.Is(err, events.ErrPhoneNumber) { // which names no field by itself
				detail = "phoneNumber: " + detail
			} else if events.ReasonOf(err) != way.Reason {
				t.Errorf("%s: reason %s, want %s", way.Name, events.ReasonOf(err), way.Reason)
			}
			if !strings.Contains(detail, way.Field+":") && way.Field != "" {
				t.Errorf("%s: %s does not name %s", way.Name, detail, way.Field)
			}
			continue
		}
		key := identity{d.Event.Subject(), d.ID}
		if digest, ok := known[key]; ok {
			if digest.Conflicts(d.Digest) {
				t.Errorf("%s repeats an identity with other content", rec.Value)
			}
			if e := d.Event.(*events.ParticipantRegistered); e.RegisteredAt.IsZero() {
				withoutTime++
			}
			got.Duplicates++
			continue
		}
		known[key] = d.Digest
		got.Participants++
		e := d.Event.(*events.ParticipantRegistered)
		c := campaigns[e.Campaign]
		if c == nil {
			c = &synthetic.CampaignTotals{
				Campaign: e.Campaign, Gender: map[string]int64{}, AgeGroup: map[string]int64{}, Region: map[string]int64{},
				Channel: map[string]int64{}, Customer: map[string]int64{},
			}
			campaigns[e.Campaign] = c
		}
		c.Participants++
		c.Gender[e.Gender]++
		c.AgeGroup[e.AgeGroup]++
		c.Region[e.Region]++
		c.Channel[e.Channel]++
		switch {
		case e.NewCustomer == nil:
			c.Customer[""]++
		case *e.NewCustomer:
			c.Customer["new"]++
		default:
			c.Customer["returning"]++
		}
	}
	want := g.Expected()
	for _, c := range want.Campaigns {
		if campaigns[c.Campaign] != nil {
			got.Campaigns = append(got.Campaigns, *campaigns[c.Campaign])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("totals (-expected +counted):\n%s", diff)
	}
	if len(campaigns) != len(want.Campaigns) {
		t.Errorf("%d campaigns counted, %d expected", len(campaigns), len(want.Campaigns))
	}
	if withoutTime == 0 {
		t.Error("no repetition is without registeredAt")
	}
}

func TestSharesHoldExactly(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Campaigns: 20, DuplicateShare: 0.1, MalformedShare: 0.05})
	next(g, 1000)
	got := g.Expected()
	if got.Records != 1000 || got.Participants != 850 || got.Duplicates != 100 || got.DeadLetters != 50 {
		t.Errorf("of %d records %d are good, %d duplicate, %d malformed; want 1000, 850, 100, 50",
			got.Records, got.Participants, got.Duplicates, got.DeadLetters)
	}
	if len(synthetic.Ways()) != 10 || len(got.Ways) != 10 {
		t.Errorf("%d ways, of which %d occurred; want ten", len(synthetic.Ways()), len(got.Ways))
	}
	for name, n := range got.Ways {
		if n != 5 {
			t.Errorf("%s occurred %d times, want 5", name, n)
		}
	}
}

func TestFiguresOnlyGrow(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Seed: 9, Campaigns: 30})
	figures := func(at time.Time) []int64 {
		var all []int64
		for _, rec := range g.Stats(at) {
			d, err := events.Decode(events.TypeChannelStatsFetched, rec, rec.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			e := d.Event.(*events.ChannelStatsFetched)
			if !e.FetchedAt.Equal(at.Truncate(time.Millisecond)) {
				t.Fatalf("fetched at %s, want %s", e.FetchedAt, at)
			}
			for _, v := range []*int64{e.Impressions, e.Views, e.Clicks, e.Likes, e.Comments, e.Shares} {
				if v != nil {
					all = append(all, *v)
				}
			}
		}
		return all
	}
	before := figures(start().Add(-time.Hour)) // as at the start
	grown := false
	for _, after := range []time.Duration{0, 1500 * time.Millisecond, time.Minute, time.Hour, 1000 * time.Hour} {
		now := figures(start().Add(after))
		if len(now) != len(before) {
			t.Fatalf("%d figures, then %d", len(before), len(now))
		}
		for i := range now {
			if now[i] < before[i] || now[i] <= 0 {
				t.Errorf("figure %d fell from %d to %d", i, before[i], now[i])
			}
			grown = grown || now[i] > before[i]
		}
		before = now
	}
	if !grown {
		t.Error("no figure grew")
	}
}

func TestTopicsAndTimes(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{
		Campaigns: 5, Interval: 250 * time.Millisecond,
		Topics: map[events.Type]string{events.TypeParticipantRegistered: "registrations"},
	})
	records := next(g, 5)
	if records[4].Topic != "registrations" || g.Campaigns()[0].Topic != "EventCreated" {
		t.Errorf("topics %q and %q", records[4].Topic, g.Campaigns()[0].Topic)
	}
	if want := start().Add(time.Second); !records[4].Timestamp.Equal(want) {
		t.Errorf("the fifth record is of %s, want %s", records[4].Timestamp, want)
	}
	var first, again []events.Record
	first, again = g.Campaigns(), g.Campaigns()
	if digest(first) != digest(again) {
		t.Error("Campaigns changes from call to call")
	}
}

func TestPhonesAreSpelledInManyWays(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Campaigns: 5})
	shapes := map[string]int{}
	for _, rec := range next(g, 2000) {
		var v struct{ PhoneNumber string }
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			t.Fatal(err)
		}
		shape := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '9'
			}
			return r
		}, v.PhoneNumber)
		shapes[shape]++
	}
	if len(shapes) < 7 || shapes["999-9999-9999"] < 1000 {
		t.Errorf("spellings: %v", shapes)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]synthetic.Config{
		"start":     {},
		"campaigns": {Start: start(), Campaigns: -1},
		"interval":  {Start: start(), Interval: -1},
		"hot share": {Start: start(), HotShare: 1},
		"together":  {Start: start(), DuplicateShare: 0.5, MalformedShare: 0.5},
	} {
		if _, err := synthetic.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want an error about %s", c, err, want)
		}
	}
}

func TestRecordsDoNotShareMemory(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, synthetic.Config{Campaigns: 5})
	records := next(g, 100)
	kept := make([][]byte, len(records))
	for i := range records {
		kept[i] = slices.Clone(records[i].Value)
	}
	next(g, 2000)
	for i := range records {
		if !bytes.Equal(kept[i], records[i].Value) {
			t.Fatal("a record changed after it was handed out")
		}
	}
}

func BenchmarkNext(b *testing.B) {
	g := newGenerator(b, synthetic.Config{DuplicateShare: 0.02, MalformedShare: 0.01})
	b.ReportAllocs()
	for b.Loop() {
		g.Next()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
