package events

// rowBytes is about what an event occupies beside its texts.
const rowBytes = 200

// SizeOf returns about how many bytes an event occupies in a log or in memory. It encodes
// nothing.
func SizeOf(e Event) int {
	n := rowBytes
	switch e := e.(type) {
	case *EventCreated:
		n += len(e.Campaign) + len(e.Shop) + len(e.Title) + len(e.Objective) + len(e.MovedBy) + len(e.MovedWhy)
	case *ParticipantRegistered:
		n += len(e.Campaign) + len(e.Participant) + len(e.Channel) + len(e.Gender) + len(e.AgeGroup) + len(e.Region)
	case *DistributionCompleted:
		n += len(e.Campaign)
		for _, d := range e.Channels {
			n += rowBytes/4 + len(d.Channel)
		}
	case *ChannelStatsFetched:
		n += len(e.Campaign) + len(e.Channel)
	case *EventsWithdrawn:
		n += len(e.Campaign) + rowBytes/20*len(e.Positions) + len(e.Who) + len(e.Why)
	}
	return n
}
