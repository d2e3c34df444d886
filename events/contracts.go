package events

import "embed"

//go:embed contracts/*.schema.json
var contracts embed.FS

// Contract returns the JSON Schema (draft 2020-12) of a type's wire form; nil
// where t is none of the four. A schema sees less than [Decode]: not a member's
// name that is there twice, the length of a text in bytes, the distance between
// a time and the record's timestamp, nor a phone number in the wrong field.
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
		panic("events: " + err.Error()) // embedded by the compiler: cannot be missing
	}
	return schema
}
