package synthetic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"jangbu/events"
)

// Config configures a [Generator].
type Config struct {
	Seed      uint64
	Campaigns int       // number of campaigns; 0 means 1,000
	Start     time.Time // of the traffic; required
	// Interval is the time between two records of Next; 0 means 1 ms.
	Interval time.Duration
	// Topics names the topic of each type; a type without one has its own name.
	Topics map[events.Type]string
	// HotShare is the share of registrations for the most popular campaign, from an
	// even share to below 1; 0 means 0.2. It determines the exponent of the Zipf law.
	HotShare float64
	// DuplicateShare and MalformedShare are the shares of the records of Next that
	// repeat an earlier one, and that can never become an event. Together they are
	// below 1.
	DuplicateShare float64
	MalformedShare float64
}

// validate returns the configuration with its defaults, or one error per field.
func (c Config) validate() (Config, error) {
	if c.Campaigns == 0 {
		c.Campaigns = 1000
	}
	if c.Interval == 0 {
		c.Interval = time.Millisecond
	}
	if c.HotShare == 0 {
		c.HotShare = 0.2
	}
	var errs []error
	if c.Campaigns < 0 || c.Campaigns > 1_000_000 {
		errs = append(errs, errors.New("campaigns: expected 1 to 1,000,000"))
	}
	if c.Start.Year() < 2000 {
		errs = append(errs, errors.New("start: expected a time from the year 2000 on"))
	}
	if c.Interval < 0 {
		errs = append(errs, errors.New("interval: expected a positive duration"))
	}
	if c.HotShare < 0 || c.HotShare >= 1 {
		errs = append(errs, errors.New("hot share: expected a share from 0 to below 1"))
	}
	if c.DuplicateShare < 0 || c.MalformedShare < 0 || c.DuplicateShare+c.MalformedShare >= 1 {
		errs = append(errs, errors.New("duplicate and malformed share: expected shares that are together below 1"))
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, fmt.Errorf("configure synthetic traffic: %w", err)
	}
	c.Start = c.Start.UTC().Truncate(time.Millisecond) // Kafka's precision
	return c, nil
}

// memory is how many registrations are kept to be repeated.
const memory = 1024

// Generator generates one stream of traffic. It is not safe for concurrent use.
type Generator struct {
	c          Config
	rng        *rand.Rand
	popularity popularity
	campaigns  []campaign
	ways       []Way
	buf        []byte // the value being written

	next     time.Time     // the timestamp of the next record
	interval time.Duration // between two records

	records    int64 // returned by Next, and of those:
	good       int64
	duplicates int64
	malformed  int64

	recent []events.Record // the last good ones, as a ring
}

// New returns a generator.
func New(c Config) (*Generator, error) {
	c, err := c.validate()
	if err != nil {
		return nil, err
	}
	g := &Generator{
		c:          c,
		next:       c.Start,
		interval:   c.Interval,
		rng:        rand.New(rand.NewPCG(c.Seed, streamRegistrations)),
		popularity: newPopularity(c.Campaigns, c.HotShare),
		campaigns:  make([]campaign, c.Campaigns),
		ways:       Ways(),
	}
	everywhere := people()
	for i := range g.campaigns {
		g.campaigns[i] = newCampaign(c, i, everywhere)
	}
	return g, nil
}

// The streams of randomness of one seed; a campaign's is streamCampaigns plus its number.
const (
	streamRegistrations = 1
	streamCampaigns     = 1 << 32
)

// Next returns the next record of the registrations' topic: a registration, an exact
// repetition of an earlier one, or a record that is malformed in one of the [Ways], which
// rotate. The shares hold after every record, to one record. The caller must not change
// its key and value.
func (g *Generator) Next() events.Record {
	stamp := g.next.Truncate(time.Millisecond)
	g.next = g.next.Add(g.interval)
	return g.send(stamp, func() events.Record {
		return g.registration(&g.campaigns[g.popularity.draw(g.rng)], nil, stamp)
	})
}

// send returns what the shares say is due at a time: a new registration, or another record.
func (g *Generator) send(stamp time.Time, registration func() events.Record) events.Record {
	g.records++
	switch due := float64(g.records); {
	case float64(g.malformed)+0.5 <= due*g.c.MalformedShare+rounding: // half a record early, so that it is not due together with a repetition
		g.malformed++
		return g.malformedRecord(stamp)
	case float64(g.duplicates+1) <= due*g.c.DuplicateShare+rounding && len(g.recent) > 0:
		g.duplicates++
		again := g.recent[g.rng.IntN(len(g.recent))]
		again.Timestamp = stamp // the producer sends it now
		return again
	default:
		rec := registration()
		if len(g.recent) < memory {
			g.recent = append(g.recent, rec)
		} else {
			g.recent[g.good%memory] = rec
		}
		g.good++
		return rec
	}
}

// Continue sets the time of the next record of Next and the interval between two.
func (g *Generator) Continue(at time.Time, interval time.Duration) {
	g.next, g.interval = at.UTC(), interval
}

// rounding absorbs the error of a share such as 0.05 in binary.
const rounding = 1e-6

func (g *Generator) topic(t events.Type) string {
	if name, ok := g.c.Topics[t]; ok {
		return name
	}
	return t.String()
}

func (g *Generator) record(t events.Type, key string, stamp time.Time) events.Record {
	return events.Record{Topic: g.topic(t), Timestamp: stamp, Key: []byte(key), Value: append([]byte(nil), g.buf...)}
}
