package events

import "embed"

//go:embed contracts/*.schema.json
var contracts embed.FS

// Contract returns the JSON Schema (draft 2020-12) of a type's wire form; nil if
// t has no topic. A schema accepts more than [Decode]: it cannot check
// duplicate member names, lengths in bytes, the distance between a time and the
// record's timestamp, or personal numbers and mail addresses in ids and texts.
func Contract(t Type) []byte {
	var name string
	switch t {
	case TypeEventCreated:
		name = "event-created"
	case TypeParticipantRegistered:
		name = "participant-registered"
	case TypeDistributionCompleted:
		name = "distribution-completed"
	case TypeChannelStatsFetched:
		name = "channel-stats-fetched"
	default:
		return nil
	}
	schema, err := contracts.ReadFile("contracts/" + name + ".schema.json")
	if err != nil {
		panic("events: " + err.Error()) // the compiler embeds it: cannot fail
	}
	return schema
}
