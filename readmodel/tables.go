package readmodel

// Names of the projections whose rows the store keeps, one table each.
const (
	EventStatsTable          = "event_stats"
	ChannelStatsTable        = "channel_stats"
	ParticipationHourlyTable = "participation_hourly"
	ParticipantProfileTable  = "participant_profile"
)
