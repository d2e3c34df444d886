package commit

import "jangbu/events"

// rowBytes is about what an event occupies beside its texts.
const rowBytes = 200

// size returns about how many bytes the log keeps of the drafts. It encodes nothing.
func size(drafts []events.Draft) int {
	n := rowBytes * len(drafts)
	for i := range drafts {
		switch e := drafts[i].Event.(type) {
		case *events.EventCreated:
			n += len(e.Campaign) + len(e.Shop) + len(e.Title) + len(e.Objective) + len(e.MovedBy) + len(e.MovedWhy)
		case *events.ParticipantRegistered:
			n += len(e.Campaign) + len(e.Participant) + len(e.Channel) + len(e.Gender) + len(e.AgeGroup) + len(e.Region)
		case *events.DistributionCompleted:
			n += len(e.Campaign)
			for _, d := range e.Channels {
				n += rowBytes/4 + len(d.Channel)
			}
		case *events.ChannelStatsFetched:
			n += len(e.Campaign) + len(e.Channel)
		case *events.EventsWithdrawn:
			n += len(e.Campaign) + rowBytes/20*len(e.Positions) + len(e.Who) + len(e.Why)
		}
	}
	return n
}
