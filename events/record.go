package events

import (
	"slices"
	"time"
)

// MaxRecordBytes bounds the length of a record's key and value together. A longer
// record becomes a dead letter.
const MaxRecordBytes = 1 << 20

// Record is a Kafka record before it is decoded. It may hold a phone number, so it
// must not be logged (I10).
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

// CanaryHeader is the header of a canary: a record without a value that is sent to see whether
// records come through. It can be no event, so none is lost where it is passed over.
const CanaryHeader = "jangbu-canary"

// Canary reports whether the record is one.
func (r *Record) Canary() bool {
	return r.Value == nil && slices.ContainsFunc(r.Headers, func(h Header) bool { return h.Key == CanaryHeader })
}
