package events_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"jangbu/events"
)

// drawEvent draws an event that keeps its contract, with every member that may
// be absent absent half of the time.
func drawEvent(t *rapid.T, typ events.Type) events.Event {
	var (
		id    = drawText(1, false)
		label = drawText(0, false)
		text  = rapid.Map(drawText(0, true), events.MaskPersonal)
		title = rapid.Map(drawText(1, false), func(s string) string { return events.MaskPersonal("가" + events.PlainText(s)) })
		goal  = rapid.Custom(func(t *rapid.T) events.Goal {
			return events.Goal{
				Metric: rapid.SampledFrom([]events.GoalMetric{events.GoalParticipants, events.GoalNewCustomers}).Draw(t, "metric"),
				Target: rapid.Int64Range(1, events.MaxGoal).Draw(t, "target"),
			}
		})
		figure = rapid.Ptr(rapid.OneOf(rapid.Int64Range(0, events.MaxFigure), rapid.SampledFrom([]int64{0, 9, 10, events.MaxFigure})), true)
		won    = func(name string) *events.Won { return (*events.Won)(figure.Draw(t, name)) }
		// Whole microseconds: all, thousands, seconds, days.
		instant = func(name string, from int) time.Time {
			year := rapid.IntRange(from, 9998).Draw(t, name)
			at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 364).Draw(t, name))
			unit := rapid.SampledFrom([]time.Duration{time.Microsecond, 10 * time.Microsecond, time.Millisecond, time.Second, 24 * time.Hour}).Draw(t, name)
			return at.Add(time.Duration(rapid.Int64Range(0, 24*60*60*1e6-1).Draw(t, name)) * time.Microsecond).Truncate(unit)
		}
		optionalInstant = func(name string, from int) time.Time {
			if rapid.Bool().Draw(t, name) {
				return time.Time{}
			}
			return instant(name, from)
		}
		campaign = events.Campaign(id.Draw(t, "eventId"))
	)
	switch typ {
	case events.TypeEventCreated:
		return &events.EventCreated{
			Campaign: campaign, Shop: events.Shop(id.Draw(t, "storeId")), Title: title.Draw(t, "title"), Objective: text.Draw(t, "objective"),
			CreatedAt: optionalInstant("createdAt", 2000), StartsAt: optionalInstant("startsAt", 1900), EndsAt: optionalInstant("endsAt", 1900),
			PrizeCost: won("prizeCost"), PlatformCost: won("platformCost"), ExpectedSalesIncrease: won("expectedSalesIncrease"),
			BaselineSales: won("baselineSales"), NewCustomerLTV: won("newCustomerLtv"),
			Goal: rapid.Ptr(goal, true).Draw(t, "goal"),
		}
	case events.TypeParticipantRegistered:
		return &events.ParticipantRegistered{
			Campaign: campaign, Participant: id.Draw(t, "participantId"),
			Pseudonym:    events.Pseudonym(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0xfb, 0xff}), 32, 32).Draw(t, "pseudonym")),
			RegisteredAt: optionalInstant("registeredAt", 2000), Channel: label.Draw(t, "channel"), NewCustomer: rapid.Ptr(rapid.Bool(), true).Draw(t, "newCustomer"),
			Gender: label.Draw(t, "gender"), AgeGroup: label.Draw(t, "ageGroup"), Region: label.Draw(t, "region"),
		}
	case events.TypeDistributionCompleted:
		var ds []events.Distribution
		for _, c := range rapid.Permutation(events.Channels()).Draw(t, "channels")[:rapid.IntRange(0, 5).Draw(t, "count")] {
			ds = append(ds, events.Distribution{Channel: c, Cost: won("cost")})
		}
		return &events.DistributionCompleted{Campaign: campaign, Channels: ds, CompletedAt: instant("completedAt", 2000)}
	case events.TypeChannelStatsFetched:
		s := &events.ChannelStatsFetched{
			Campaign: campaign, Channel: rapid.SampledFrom(events.Channels()).Draw(t, "channel"), FetchedAt: instant("fetchedAt", 2000),
			Impressions: figure.Draw(t, "impressions"), Views: figure.Draw(t, "views"), Clicks: figure.Draw(t, "clicks"),
			Likes: figure.Draw(t, "likes"), Comments: figure.Draw(t, "comments"), Shares: figure.Draw(t, "shares"),
		}
		if s.Impressions == nil && s.Views == nil && s.Clicks == nil && s.Likes == nil && s.Comments == nil {
			s.Shares = new(int64(7)) // at least one figure is known
		}
		return s
	default:
		panic("no such type")
	}
}

// drawText draws texts of at most 200 bytes that are hard to quote.
func drawText(least int, breaks bool) *rapid.Generator[string] {
	hostile := rapid.SampledFrom([]string{
		`"`, `\`, `\u0041`, `\n`, `","eventId":"x`, `}`, `{`, `]`, `,`, "<script>&", "\u2028", "\u2029", "\ufeff", "\ufffd", "한글", "🎁", "e\u0301", "\U0010ffff", " ", "null",
		"2026-11-23T01:00:00Z",
	})
	whole := rapid.Map(rapid.SliceOfN(rapid.OneOf(hostile, rapid.StringN(1, 4, -1)), 0, 8), func(parts []string) string {
		s := strings.Map(func(r rune) rune {
			if allowed := breaks && strings.ContainsRune("\n\r\t", r); unicode.IsControl(r) && !allowed || breaks && unicode.Is(unicode.Bidi_Control, r) {
				return -1
			}
			return r
		}, strings.Join(parts, ""))
		if breaks {
			s += "\n\t\r"
		}
		if least > 0 && s == "" {
			s = "x"
		}
		return s
	})
	longest := rapid.SampledFrom([]string{strings.Repeat("x", 200), strings.Repeat(`"`, 200), strings.Repeat("가", 66), strings.Repeat("🎁", 50)})
	return rapid.OneOf(whole, whole, whole, longest).Filter(func(s string) bool { return len(s) <= events.MaxIDBytes })
}

// drawMembers draws up to three members of an object, each with a comma behind
// it. Their names begin with prefix, so that none is of a contract.
func drawMembers(prefix string, depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for i := range rapid.IntRange(0, 3).Draw(t, "size") {
			name := prefix + drawText(0, true).Draw(t, "name") + strconv.Itoa(i)
			fmt.Fprintf(&b, "%s:%s,", quoteAny(name), drawValue(depth).Draw(t, "value"))
		}
		return b.String()
	})
}

func drawValue(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "literal")
		case 1:
			return rapid.SampledFrom([]string{"0", "-0", "1.0", "1e400", "-1.50E-07", "12345678901234567890.123456789", "9007199254740993"}).Draw(t, "number")
		case 2:
			return strconv.FormatInt(rapid.Int64().Draw(t, "whole"), 10)
		case 3:
			return quoteAny(drawText(0, true).Draw(t, "text"))
		case 4:
			return "{" + strings.TrimSuffix(drawMembers("", depth-1).Draw(t, "members"), ",") + "}"
		default:
			return "[" + strings.Join(rapid.SliceOfN(drawValue(depth-1), 0, 3).Draw(t, "values"), " ,") + "]"
		}
	})
}

// quoteAny quotes every character as an escape, which is never the canonical form.
func quoteAny(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r > 0xffff {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	b.WriteByte('"')
	return b.String()
}
