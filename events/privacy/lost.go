package privacy

import (
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrLostKeys means that the log holds pseudonyms whose keys are lost.
var ErrLostKeys = errors.New("the key store is empty, but the log holds pseudonyms made with its keys")

// CheckKeys returns [ErrLostKeys] if the key store is new and the log holds a pseudonym:
// the store that was used before is lost, and the same phone number would get another
// pseudonym from now on. Call it before [Open], which makes a new store one that is not.
// It reads the log up to the first pseudonym, and only if the store is new.
func CheckKeys(ctx context.Context, keys events.Keys, log events.Log) error {
	_, bound, err := readReserved(ctx, keys)
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	if bound {
		return nil
	}
	const atOnce = 1000
	for after := events.Position(0); ; {
		read, err := log.Read(ctx, after, atOnce)
		if err != nil {
			return fmt.Errorf("check keys: %w", err)
		}
		if len(read) == 0 {
			return nil
		}
		for _, r := range read {
			if p, ok := r.Event.(*events.ParticipantRegistered); ok && p.Pseudonym != (events.Pseudonym{}) {
				return ErrLostKeys
			}
		}
		after = read[len(read)-1].Position
	}
}
