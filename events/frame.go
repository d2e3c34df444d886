package events

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// Frame is consecutive records of one Kafka partition, in offset order, that
// travel as one message.
type Frame struct {
	Topic     string
	TopicID   TopicID // zero where the broker gives none
	Partition int32
	// First is the offset from which the records were read. That of the first record
	// may be higher: not every offset has a record.
	First   int64
	Records []Record
}

// frameVersion is the first byte of every encoded frame. Version 1, in which earlier
// programs sealed dead letters, has neither topic ID nor first offset.
const frameVersion = 2

// ErrFrame means that the bytes are not an encoded frame.
var ErrFrame = errors.New("not an encoded frame")

// Source returns the partition of the frame.
func (f *Frame) Source() Source {
	return Source{Topic: f.Topic, TopicID: f.TopicID, Partition: f.Partition}
}

// Next returns the offset after the frame's last record.
func (f *Frame) Next() int64 { return f.Records[len(f.Records)-1].Offset + 1 }

// followingKey is the key of the function that [WithFollowing] puts into a context.
type followingKey struct{}

// WithFollowing returns a context for handling one frame, of which the handler may ask for the
// following frame of the partition with [DeliverFollowing]. It may call deliver more than once.
func WithFollowing(ctx context.Context, deliver func()) context.Context {
	return context.WithValue(ctx, followingKey{}, deliver)
}

// DeliverFollowing has the following frame of the partition delivered before the one is
// acknowledged whose context is given. The handler calls it once it has put what it writes of
// its own frame ahead of all that it writes of the following one (I3). Where the context is not one
// of [WithFollowing], frames follow acknowledgements.
func DeliverFollowing(ctx context.Context) {
	if deliver, ok := ctx.Value(followingKey{}).(func()); ok {
		deliver()
	}
}

// AppendFrame appends the encoded frame to dst. It writes the frame's topic and
// partition once; its records must have the same. Timestamps are truncated to
// microseconds, and those beyond what 64 bits of them hold to the first or last.
//
// An encoded frame is a version byte, the topic, its ID, the partition, the first offset, and then records
// up to the end, each preceded by its length, so that [AppendFrameRecord] can
// extend it.
func AppendFrame(dst []byte, f Frame) []byte {
	dst = append(dst, frameVersion)
	dst = binary.AppendUvarint(dst, uint64(len(f.Topic)))
	dst = append(dst, f.Topic...)
	dst = append(dst, f.TopicID[:]...)
	dst = binary.AppendUvarint(dst, uint64(uint32(f.Partition)))
	dst = binary.AppendVarint(dst, f.First)
	for _, r := range f.Records {
		dst = AppendFrameRecord(dst, r)
	}
	return dst
}

// AppendFrameRecord appends one more record to dst, which ends with an encoded
// frame of the record's topic and partition.
func AppendFrameRecord(dst []byte, r Record) []byte {
	size := varintLen(r.Offset) + 8 + optionalLen(r.Key) + optionalLen(r.Value) + uvarintLen(uint64(len(r.Headers)))
	for _, h := range r.Headers {
		size += uvarintLen(uint64(len(h.Key))) + len(h.Key) + optionalLen(h.Value)
	}
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = binary.AppendVarint(dst, r.Offset)
	dst = binary.BigEndian.AppendUint64(dst, uint64(Micros(r.Timestamp)))
	dst = appendOptional(dst, r.Key)
	dst = appendOptional(dst, r.Value)
	dst = binary.AppendUvarint(dst, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		dst = binary.AppendUvarint(dst, uint64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendOptional(dst, h.Value)
	}
	return dst
}

// Micros returns t in microseconds since 1970, or the least or greatest int64 where they
// are more than it holds: a Kafka timestamp may be any int64 of milliseconds.
func Micros(t time.Time) int64 {
	switch {
	case t.Before(time.UnixMicro(math.MinInt64)):
		return math.MinInt64
	case t.After(time.UnixMicro(math.MaxInt64)):
		return math.MaxInt64
	default:
		return t.UnixMicro()
	}
}

// DecodeFrame is the inverse of [AppendFrame]. Keys, values and values of headers
// are slices of data, valid until data changes; it distinguishes nil from empty.
// Its allocations are bounded by the length of data (I14). The error is
// [ErrFrame].
func DecodeFrame(data []byte) (Frame, error) {
	r := frameReader{b: data}
	version := r.byte()
	if version < 1 || version > frameVersion {
		return Frame{}, fmt.Errorf("decode frame: version: %w", ErrFrame)
	}
	f := Frame{Topic: string(r.take(r.uvarint()))}
	if version > 1 {
		copy(f.TopicID[:], r.take(uint64(len(f.TopicID))))
	}
	partition := r.uvarint()
	if r.failed || partition > 1<<31-1 {
		return Frame{}, fmt.Errorf("decode frame: topic and partition: %w", ErrFrame)
	}
	f.Partition = int32(partition)
	if version > 1 {
		if f.First = r.varint(); r.failed {
			return Frame{}, fmt.Errorf("decode frame: first offset: %w", ErrFrame)
		}
	}

	count := 0
	for scan := r; len(scan.b) > 0 && !scan.failed; count++ {
		scan.take(scan.uvarint())
	}
	if count > 0 {
		f.Records = make([]Record, 0, count)
	}
	for len(r.b) > 0 {
		body := frameReader{b: r.take(r.uvarint())}
		record := body.record(f.Topic, f.Partition)
		if r.failed || body.failed || len(body.b) > 0 {
			return Frame{}, fmt.Errorf("decode frame: record %d: %w", len(f.Records), ErrFrame)
		}
		f.Records = append(f.Records, record)
	}
	return f, nil
}

// frameReader reads an encoded frame from the front. After a failure every method
// returns zero.
type frameReader struct {
	b      []byte
	failed bool
}

func (r *frameReader) fail() {
	r.b, r.failed = nil, true
}

func (r *frameReader) record(topic string, partition int32) Record {
	rec := Record{Topic: topic, Partition: partition, Offset: r.varint()}
	if stamp := r.take(8); !r.failed {
		rec.Timestamp = time.UnixMicro(int64(binary.BigEndian.Uint64(stamp))).UTC()
	}
	rec.Key = r.optional()
	rec.Value = r.optional()
	headers := r.uvarint()
	if headers > uint64(len(r.b))/2 { // a header takes two bytes at least
		r.fail()
		return rec
	}
	if headers > 0 {
		rec.Headers = make([]Header, headers)
	}
	for i := range rec.Headers {
		rec.Headers[i] = Header{Key: string(r.take(r.uvarint())), Value: r.optional()}
	}
	return rec
}

func (r *frameReader) byte() byte {
	b := r.take(1)
	if r.failed {
		return 0
	}
	return b[0]
}

func (r *frameReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *frameReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// take returns the next n bytes with no spare capacity, so that an append to them
// cannot overwrite the bytes that follow.
func (r *frameReader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

// optional is the inverse of appendOptional.
func (r *frameReader) optional() []byte {
	n := r.uvarint()
	if n == 0 {
		return nil
	}
	return r.take(n - 1)
}

// appendOptional writes length plus one, so that 0 stands for nil.
func appendOptional(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b))+1)
	return append(dst, b...)
}

func optionalLen(b []byte) int {
	if b == nil {
		return 1
	}
	return uvarintLen(uint64(len(b))+1) + len(b)
}

func uvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// varintLen is the length of the zigzag form that binary.AppendVarint writes.
func varintLen(v int64) int { return uvarintLen(uint64(v<<1) ^ uint64(v>>63)) }
