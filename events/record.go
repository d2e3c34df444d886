package events

import "time"

// MaxRecordBytes is the most that a record's key and value may take together.
// A longer record is a dead letter.
const MaxRecordBytes = 1 << 20

// Record is a Kafka record before it is decoded. It may hold a phone number
// and must not be logged.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header is one header of a [Record].
type Header struct {
	Key   string
	Value []byte
}
