package synthetic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"jangbu/events"
)

// campaign is a campaign with the participants so far.
type campaign struct {
	id        string
	shop      string
	title     string
	objective string
	created   time.Time
	published time.Time // the timestamp of its creation's record
	starts    time.Time
	ends      time.Time
	costs     [5]int64 // won; -1 where the producer sends none
	metric    string   // of its goal; "" where it has none
	target    int64

	distributed time.Time // zero: not yet
	outlets     []outlet

	people *[dimensions]dimension
	seen   [dimensions][]int64 // participants by value of each dimension
	total  int64
}

// outlet is a channel that a campaign is distributed to.
type outlet struct {
	channel events.Channel
	cost    int64  // won; -1 where the producer sends the channel's name only
	share   uint32 // of the participants, in a showcase
	// perHour is the growth, in an hour, of each figure that is reported, in their order.
	perHour [2]int64
}

func newCampaign(c Config, number int, people *[dimensions]dimension) campaign {
	rng := rand.New(rand.NewPCG(c.Seed, streamCampaigns+uint64(number)))
	of := func(words ...string) string { return words[rng.IntN(len(words))] }
	// The seed is in the id, so that runs of different seeds do not collide.
	made := campaign{
		id:   fmt.Sprintf("evt-%x-%04d", c.Seed, number+1),
		shop: fmt.Sprintf("store-%x-%04d", c.Seed, number/3+1),
		title: of("행복", "우리동네", "할머니", "골목", "청춘", "소문난", "햇살", "달빛") +
			of("분식", "베이커리", "카페", "꽃집", "미용실", "정육점", "국밥", "책방", "세탁소", "반찬가게") + " " +
			of("봄맞이", "여름", "가을", "연말", "개업 1주년", "단골 감사", "신메뉴 출시") + " " +
			of("경품 이벤트", "할인 쿠폰 이벤트", "방문 인증 이벤트", "친구 초대 이벤트"),
		objective: of("신규 고객 유치", "단골 고객 감사", "신메뉴 홍보", "매출 증대", "온라인 후기 늘리기"),
		created:   c.Start.Add(-time.Duration(rng.Int64N(int64(7 * 24 * time.Hour)))).Truncate(time.Millisecond),
		published: c.Start,
		starts:    c.Start,
		ends:      c.Start.Add(30 * 24 * time.Hour),
		costs: [5]int64{
			10_000 * (5 + rng.Int64N(296)),   // prizes
			10_000 * rng.Int64N(31),          // platform
			100_000 * (5 + rng.Int64N(196)),  // expected sales increase
			100_000 * (20 + rng.Int64N(981)), // baseline sales
			1_000 * (10 + rng.Int64N(91)),    // lifetime value of a new customer
		},
		distributed: c.Start,
	}
	for i := range made.costs {
		if rng.IntN(20) == 0 {
			made.costs[i] = -1
		}
	}
	made.take(people)
	channels := events.Channels()
	rng.Shuffle(len(channels), func(i, j int) { channels[i], channels[j] = channels[j], channels[i] })
	channels = channels[:2+rng.IntN(len(channels)-1)]
	made.outlets = make([]outlet, 0, len(channels))
	for _, channel := range channels {
		out := outlet{channel: channel, cost: 10_000 * rng.Int64N(51)}
		if rng.IntN(5) == 0 {
			out.cost = -1
		}
		for i, figure := range reported(channel) {
			out.perHour[i] = figure.perHour/2 + rng.Int64N(figure.perHour)
		}
		made.outlets = append(made.outlets, out)
	}
	return made
}

// take gives the campaign its participants' dimensions, of which none is seen yet.
func (c *campaign) take(people *[dimensions]dimension) {
	c.people = people
	for i := range people {
		c.seen[i] = make([]int64, len(people[i].values))
	}
}

// figure is a number that a channel reports, and its usual growth in an hour.
type figure struct {
	name    string
	perHour int64
}

// reported returns the figures that a channel's API reports.
func reported(c events.Channel) []figure {
	switch c {
	case events.WooridongneTV:
		return []figure{{"impressions", 5000}, {"views", 1200}}
	case events.GenieTV:
		return []figure{{"impressions", 10000}, {"clicks", 500}}
	case events.Instagram:
		return []figure{{"likes", 300}, {"comments", 50}}
	case events.Naver:
		return []figure{{"views", 2000}}
	case events.Kakao:
		return []figure{{"shares", 100}}
	default:
		return nil
	}
}

// Campaigns returns one EventCreated for each campaign, the most popular first.
func (g *Generator) Campaigns() []events.Record {
	records := make([]events.Record, len(g.campaigns))
	for i := range g.campaigns {
		c := &g.campaigns[i]
		b := append(g.buf[:0], `{"eventId":"`...)
		b = append(append(b, c.id...), `","storeId":"`...)
		b = append(append(b, c.shop...), `","title":"`...)
		b = append(append(b, c.title...), `","objective":"`...)
		b = append(append(b, c.objective...), `","createdAt":"`...)
		b = append(appendTime(b, c.created), `","startsAt":"`...)
		b = append(appendTime(b, c.starts), `","endsAt":"`...)
		b = append(appendTime(b, c.ends), '"')
		for j, name := range [...]string{"prizeCost", "platformCost", "expectedSalesIncrease", "baselineSales", "newCustomerLtv"} {
			b = appendNumber(b, name, c.costs[j])
		}
		if c.metric != "" {
			b = append(append(append(b, `,"goal":{"metric":"`...), c.metric...), '"')
			b = append(appendNumber(b, "target", c.target), '}')
		}
		g.buf = append(b, '}')
		records[i] = g.record(events.TypeEventCreated, c.id, c.published)
	}
	return records
}

// Shops returns the shop of each campaign, in the order of Campaigns.
func (g *Generator) Shops() []events.Shop {
	shops := make([]events.Shop, len(g.campaigns))
	for i := range g.campaigns {
		shops[i] = events.Shop(g.campaigns[i].shop)
	}
	return shops
}

// Distributions returns one DistributionCompleted for each campaign that has been
// distributed, in the order of Campaigns.
func (g *Generator) Distributions() []events.Record {
	records := make([]events.Record, 0, len(g.campaigns))
	for i := range g.campaigns {
		c := &g.campaigns[i]
		if c.distributed.IsZero() {
			continue
		}
		b := append(g.buf[:0], `{"eventId":"`...)
		b = append(append(b, c.id...), `","distributedChannels":[`...)
		for j, out := range c.outlets {
			if j > 0 {
				b = append(b, ',')
			}
			if out.cost < 0 {
				b = append(append(append(b, '"'), out.channel...), '"')
				continue
			}
			b = append(append(append(b, `{"channel":"`...), out.channel...), '"')
			b = append(appendNumber(b, "cost", out.cost), '}')
		}
		b = append(b, `],"completedAt":"`...)
		g.buf = append(appendTime(b, c.distributed), `"}`...)
		records = append(records, g.record(events.TypeDistributionCompleted, c.id, c.distributed))
	}
	return records
}

// Stats returns what the channels report at a time: one ChannelStatsFetched for each
// campaign and channel that it is distributed to. Figures are those of one hour at the
// start, and grow with time alone.
func (g *Generator) Stats(at time.Time) []events.Record {
	at = at.UTC().Truncate(time.Millisecond)
	elapsed := max(at.Sub(g.c.Start), 0) + time.Hour
	var records []events.Record
	for i := range g.campaigns {
		c := &g.campaigns[i]
		for _, out := range c.outlets {
			records = append(records, g.report(c, out.channel, at, func(name string) int64 {
				i := slices.IndexFunc(reported(out.channel), func(f figure) bool { return f.name == name })
				return out.perHour[i] * int64(elapsed/time.Second) / 3600
			}))
		}
	}
	return records
}

// report returns what a channel reports about a campaign at a time.
func (g *Generator) report(c *campaign, channel events.Channel, at time.Time, value func(figure string) int64) events.Record {
	b := append(g.buf[:0], `{"eventId":"`...)
	b = append(append(b, c.id...), `","channel":"`...)
	b = append(append(b, channel...), `","fetchedAt":"`...)
	b = append(appendTime(b, at), '"')
	for _, f := range reported(channel) {
		b = appendNumber(b, f.name, value(f.name))
	}
	g.buf = append(b, '}')
	return g.record(events.TypeChannelStatsFetched, c.id, at)
}

// seoul is the time zone of the producers.
func seoul() *time.Location { return time.FixedZone("KST", 9*60*60) }

func appendTime(b []byte, t time.Time) []byte {
	return t.In(seoul()).AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
}

// appendNumber appends a member, unless n is negative.
func appendNumber(b []byte, name string, n int64) []byte {
	if n < 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendInt(b, n, 10)
}
