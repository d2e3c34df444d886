package synthetic

import (
	"strconv"
	"time"

	"jangbu/events"
)

// registration returns a new registration for a campaign and counts it. Its dimensions have
// the values with these indices; nil draws them.
func (g *Generator) registration(c *campaign, values *[dimensions]int, stamp time.Time) events.Record {
	b := append(g.buf[:0], `{"participantId":"p-`...)
	b = strconv.AppendInt(b, g.good+1, 10)
	b = append(append(append(b, `","eventId":"`...), c.id...), `","phoneNumber":"`...)
	b = append(g.appendPhone(b), '"')
	// Some producers leave the time to the record's timestamp.
	if g.rng.Uint32N(10) > 0 {
		b = append(b, `,"registeredAt":"`...)
		b = append(appendTime(b, stamp.Add(-time.Duration(g.rng.Int64N(3000))*time.Millisecond)), '"')
	}
	for d := range c.people {
		dim := &c.people[d]
		var i int
		if values == nil {
			i = dim.draw(g.rng)
		} else {
			i = values[d]
		}
		c.seen[d][i]++
		if i == 0 {
			continue
		}
		b = append(b, memberOf(d)...)
		if d == dimCustomer {
			b = strconv.AppendBool(b, dim.values[i] == "new")
		} else {
			b = append(append(append(b, '"'), dim.values[i]...), '"')
		}
	}
	c.total++
	g.buf = append(b, '}')
	return g.record(events.TypeParticipantRegistered, c.id, stamp)
}

// memberOf returns the beginning of a dimension's member on the wire.
func memberOf(dimension int) string {
	switch dimension {
	case dimGender:
		return `,"gender":`
	case dimAgeGroup:
		return `,"ageGroup":`
	case dimRegion:
		return `,"region":`
	case dimChannel:
		return `,"channel":`
	default:
		return `,"newCustomer":`
	}
}

// appendPhone appends a mobile number in one of the usual spellings: most with hyphens,
// some without, a few with the country code.
func (g *Generator) appendPhone(b []byte) []byte {
	n := g.rng.Uint32N(80_000_000) + 20_000_000 // exchanges begin with 2 to 9
	var digits [8]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	front, between := "010-", "-"
	switch way := g.rng.Uint32N(100); {
	case way < 64:
	case way < 84:
		front, between = "010", ""
	case way < 88:
		front, between = "010 ", " "
	case way < 91:
		front, between = "010.", "."
	case way < 95:
		front, between = "+82 10-", "-"
	case way < 98:
		front, between = "+8210", ""
	default:
		front, between = "+82 (0)10-", "-"
	}
	b = append(append(b, front...), digits[:4]...)
	return append(append(b, between...), digits[4:]...)
}
