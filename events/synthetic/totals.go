package synthetic

import "jangbu/events"

// Totals is what a pipeline must show for the records of Next. Each list of
// [Generator.Campaigns], [Generator.Distributions] and [Generator.Stats] adds
// one event for each of its records, once.
type Totals struct {
	Records      int64 // Participants + Duplicates + DeadLetters
	Participants int64
	Duplicates   int64
	DeadLetters  int64
	// Ways counts the dead letters by [Way.Name].
	Ways map[string]int64
	// Campaigns are those with a participant, the most popular first.
	Campaigns []CampaignTotals
}

// CampaignTotals is what a pipeline must show for one campaign. The maps count
// participants by a property, under "" where the producer did not send it.
type CampaignTotals struct {
	Campaign     events.Campaign
	Participants int64
	Gender       map[string]int64
	AgeGroup     map[string]int64
	Region       map[string]int64
	Channel      map[string]int64
	Customer     map[string]int64 // "new", "returning"
}

// Expected returns the totals of everything that Next has returned.
func (g *Generator) Expected() Totals {
	t := Totals{
		Records: g.records, Participants: g.good, Duplicates: g.duplicates, DeadLetters: g.malformed,
		Ways: make(map[string]int64),
	}
	for i, way := range g.ways {
		ways := int64(len(g.ways))
		if n := (g.malformed + ways - 1 - int64(i)) / ways; n > 0 {
			t.Ways[way.Name] = n
		}
	}
	for i := range g.campaigns {
		c := &g.campaigns[i]
		if c.total == 0 {
			continue
		}
		t.Campaigns = append(t.Campaigns, CampaignTotals{
			Campaign:     events.Campaign(c.id),
			Participants: c.total,
			Gender:       c.counts(dimGender),
			AgeGroup:     c.counts(dimAgeGroup),
			Region:       c.counts(dimRegion),
			Channel:      c.counts(dimChannel),
			Customer:     c.counts(dimCustomer),
		})
	}
	return t
}

func (c *campaign) counts(dim int) map[string]int64 {
	counts := make(map[string]int64)
	for i, n := range c.seen[dim] {
		if n > 0 {
			name := c.people[dim].values[i]
			if dim == dimChannel && name != "" {
				name = string(events.ChannelNamed(name)) // as it is stored
			}
			counts[name] += n
		}
	}
	return counts
}
