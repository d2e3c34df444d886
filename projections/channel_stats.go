package projections

import (
	"cmp"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// channelStats keeps, for each channel of a campaign, when and at what cost the campaign
// was distributed to it, and the figures that it reported, and counts the participants
// that came through it. Each participant counts in one row, that of what
// [events.ChannelNamed] makes of the text.
func channelStats() Projection {
	return Projection{
		Table:   readmodel.ChannelStatsTable(),
		Version: 2,
		Touch:   touchChannelStats,
		Fold:    foldChannelStats,
	}
}

func touchChannelStats(keys *readmodel.Keys, e *events.Recorded) {
	switch fact := e.Event.(type) {
	case *events.ParticipantRegistered:
		readmodel.Touch[readmodel.ChannelStats](keys, channelKey(fact.Campaign, events.ChannelNamed(fact.Channel)))
	case *events.DistributionCompleted:
		for _, d := range fact.Channels {
			readmodel.Touch[readmodel.ChannelStats](keys, channelKey(fact.Campaign, d.Channel))
		}
	case *events.ChannelStatsFetched:
		readmodel.Touch[readmodel.ChannelStats](keys, channelKey(fact.Campaign, fact.Channel))
	case *events.EventCreated, *events.EventsWithdrawn:
	}
}

func foldChannelStats(rows *readmodel.Rows, e *events.Recorded) {
	switch fact := e.Event.(type) {
	case *events.ParticipantRegistered:
		rows.Channel(channelKey(fact.Campaign, events.ChannelNamed(fact.Channel))).Participants++
	case *events.DistributionCompleted:
		at := stored(fact.CompletedAt)
		for _, d := range fact.Channels {
			row := rows.Channel(channelKey(fact.Campaign, d.Channel))
			row.DistributedAt = latest(row.DistributedAt, at)
			row.Cost = addCost(row.Cost, d.Cost)
		}
	case *events.ChannelStatsFetched:
		at := stored(fact.FetchedAt)
		row := rows.Channel(channelKey(fact.Campaign, fact.Channel))
		row.FetchedAt = latest(row.FetchedAt, at)
		report(&row.Impressions, fact.Impressions, at)
		report(&row.Views, fact.Views, at)
		report(&row.Clicks, fact.Clicks, at)
		report(&row.Likes, fact.Likes, at)
		report(&row.Comments, fact.Comments, at)
		report(&row.Shares, fact.Shares, at)
	case *events.EventCreated, *events.EventsWithdrawn:
	}
}

// report replaces a figure by what the channel said at the given time. A figure that the
// channel did not report stays (I8), and so does one fetched later; of two fetched at the
// same time the later one in the log stands.
func report(figure *readmodel.Figure, said *int64, at time.Time) {
	if said == nil || at.Before(figure.At) {
		return
	}
	*figure = readmodel.Figure{Value: *said, At: at}
}

// addCost returns the sum of two costs. One that is not stated is unknown and adds nothing
// (I8). It changes neither, since an event shares its amounts.
func addCost(sum, stated *events.Won) *events.Won {
	if sum == nil || stated == nil {
		return cmp.Or(sum, stated)
	}
	return new(readmodel.AddWon(*sum, *stated))
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func channelKey(c events.Campaign, ch events.Channel) readmodel.ChannelKey {
	return readmodel.ChannelKey{Campaign: c, Channel: string(ch)}
}
