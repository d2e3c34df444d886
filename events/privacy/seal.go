package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrSealed means that the bytes are not a record sealed under this master key.
var ErrSealed = errors.New("not a record sealed under this master key")

// sealVersion is the first byte of every sealed record.
const sealVersion = 1

// Seal returns the whole record under AES-256-GCM, and the ID of its dead letter,
// the same for every delivery: an HMAC of the record under its own subkey, so that
// the ID reveals nothing of the content.
func (k *Keeper) Seal(rec events.Record) (events.ID, []byte, error) {
	plain := events.AppendFrame(nil, events.Frame{
		Topic: rec.Topic, Partition: rec.Partition, Records: []events.Record{rec},
	})
	// A frame that cannot be decoded again could never be retried (I5).
	if _, err := openFrame(plain); err != nil {
		return events.ID{}, nil, fmt.Errorf("seal record: %w", err)
	}
	r := k.ring.Load()
	sealed := make([]byte, 1, 1+len(plain)+r.seals[0].Overhead())
	sealed[0] = sealVersion
	return r.recordID(rec), r.seals[0].Seal(sealed, nil, plain, sealed[:1]), nil
}

// Unseal is the inverse of [Keeper.Seal], with the timestamp truncated to
// microseconds. The error is [ErrSealed], or that of the key store, which it asks whether the
// master key has been rotated where no seal fits.
func (k *Keeper) Unseal(ctx context.Context, sealed []byte) (events.Record, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return events.Record{}, fmt.Errorf("unseal record: %w", ErrSealed)
	}
	for {
		r := k.ring.Load()
		for _, seal := range r.seals {
			plain, err := seal.Open(nil, nil, sealed[1:], sealed[:1])
			if err != nil {
				continue
			}
			rec, err := openFrame(plain)
			if err != nil {
				return events.Record{}, fmt.Errorf("unseal record: %w: %w", ErrSealed, err)
			}
			return rec, nil
		}
		switch moved, err := k.follow(ctx, r); {
		case err != nil:
			return events.Record{}, fmt.Errorf("unseal record: %w", err)
		case !moved:
			return events.Record{}, fmt.Errorf("unseal record: %w", ErrSealed)
		}
	}
}

func openFrame(plain []byte) (events.Record, error) {
	frame, err := events.DecodeFrame(plain)
	if err != nil {
		return events.Record{}, err
	}
	if len(frame.Records) != 1 {
		return events.Record{}, fmt.Errorf("%d records, expected one", len(frame.Records))
	}
	return frame.Records[0], nil
}

// recordID returns a record's ID: the same for every delivery, in every process (I4).
func (r *ring) recordID(rec events.Record) events.ID {
	h := hmac.New(sha256.New, r.kept.id[:])
	var word [8]byte
	number := func(n int64) {
		binary.BigEndian.PutUint64(word[:], uint64(n))
		h.Write(word[:])
	}
	part := func(b []byte) { // with its length, so that different records give different bytes
		number(int64(len(b)))
		h.Write(b)
	}
	part([]byte(rec.Topic))
	number(int64(rec.Partition))
	number(rec.Offset)
	number(events.Micros(rec.Timestamp))
	part(rec.Key)
	part(rec.Value)
	number(int64(len(rec.Headers)))
	for _, header := range rec.Headers {
		part([]byte(header.Key))
		part(header.Value)
	}
	id := events.ID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8 of RFC 9562
	id[8] = id[8]&0x3f | 0x80
	return id
}
