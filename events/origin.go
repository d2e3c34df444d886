package events

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Origin is the Kafka record that an event came from. The zero value, which has no topic, is
// unknown: the event came by a command, or a program appended it that kept no origins. It is
// no part of an event's content, and of no digest: a record that is a duplicate of an earlier
// one leaves no origin of its own.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Known reports whether o names a record.
func (o Origin) Known() bool { return o.Topic != "" }

// Origins collects the origins of the events that one transaction appends, in their order.
// Adapters store them with the link that follows the last of these. Records come in frames, so
// a transaction of thousands of events has few runs, and no event takes longer to append or to
// read for them. The zero value is empty.
type Origins struct {
	topics []string
	runs   []originRun
}

// originRun is events whose records follow each other in one partition, or whose origins are
// unknown.
type originRun struct {
	topic     int // index in topics; -1: unknown
	partition int32
	first     int64
	events    int64
}

// Add adds the origin of the next event.
func (o *Origins) Add(from Origin) {
	if n := len(o.runs); n > 0 {
		last := &o.runs[n-1]
		if last.topic < 0 && !from.Known() || last.topic >= 0 && o.topics[last.topic] == from.Topic &&
			last.partition == from.Partition && last.first+last.events == from.Offset {
			last.events++
			return
		}
	}
	if !from.Known() {
		o.runs = append(o.runs, originRun{topic: -1, events: 1})
		return
	}
	o.runs = append(o.runs, originRun{topic: o.topic(from.Topic), partition: from.Partition, first: from.Offset, events: 1})
}

// topic returns the index of a topic. There are as many as types of record.
func (o *Origins) topic(name string) int {
	for i, t := range o.topics {
		if t == name {
			return i
		}
	}
	o.topics = append(o.topics, name)
	return len(o.topics) - 1
}

// Stored returns the stored form; nil where no origin is known.
//
// It is the number of topics, each with its length, and then the runs up to the end: the number
// of the topic from 1, or 0 for unknown origins; the number of events; and of known ones the
// partition and how far the first offset is beyond the last run.
func (o *Origins) Stored() []byte {
	if len(o.topics) == 0 {
		return nil
	}
	b := binary.AppendUvarint(nil, uint64(len(o.topics)))
	for _, t := range o.topics {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	end := int64(0)
	for _, r := range o.runs {
		b = binary.AppendUvarint(b, uint64(r.topic+1))
		b = binary.AppendUvarint(b, uint64(r.events))
		if r.topic >= 0 {
			b = binary.AppendUvarint(b, uint64(uint32(r.partition)))
			b = binary.AppendVarint(b, r.first-end)
			end = r.first + r.events
		}
	}
	return b
}

// decodeOrigins is the inverse of [Origins.Stored].
func decodeOrigins(stored []byte) (o Origins, ok bool) {
	r := frameReader{b: stored}
	topics := r.uvarint()
	if topics > uint64(len(r.b)) {
		return o, false
	}
	for range topics {
		o.topics = append(o.topics, string(r.take(r.uvarint())))
	}
	for end := int64(0); len(r.b) > 0; {
		topic, n := r.uvarint(), r.uvarint()
		if topic > topics || n < 1 || n > math.MaxInt32 {
			return o, false
		}
		run := originRun{topic: int(topic) - 1, events: int64(n)}
		if topic > 0 {
			partition := r.uvarint()
			if partition > math.MaxInt32 {
				return o, false
			}
			run.partition, run.first = int32(partition), end+r.varint()
			end = run.first + run.events
		}
		o.runs = append(o.runs, run)
	}
	return o, !r.failed
}

// Trace sets the origins of the events, in log order, that are among those up to the position
// last whose origins are stored so. Adapters call it in [Sources.Trace]. [ErrCorrupt] where
// the stored form is damaged.
func Trace(read []Recorded, last Position, stored []byte) error {
	o, ok := decodeOrigins(stored)
	if !ok {
		return fmt.Errorf("%w: the origins of the events up to position %d cannot be read", ErrCorrupt, last)
	}
	first := last + 1 // of the run
	for _, r := range o.runs {
		first -= Position(r.events)
	}
	i := 0
	for i < len(read) && read[i].Position < first {
		i++
	}
	for _, r := range o.runs {
		for ; i < len(read) && read[i].Position < first+Position(r.events); i++ {
			if r.topic >= 0 {
				read[i].Origin = Origin{o.topics[r.topic], r.partition, r.first + int64(read[i].Position-first)}
			}
		}
		first += Position(r.events)
	}
	return nil
}
