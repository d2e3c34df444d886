package archive

import (
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrNotEmpty means that the log holds events that the export does not.
var ErrNotEmpty = errors.New("the log is not empty")

// Import restores the events of a whole export in an empty log, with their positions
// and recording times. If the log holds a beginning of the export, as after an import
// that was killed, Import compares it and continues after it. No other writer appends before
// it is whole ([events.ErrUnfinished]). Import calls done after each batch with the last position
// restored, and returns the number of events that the log held before.
// [ErrNotEmpty] if the log holds other events, [ErrDamaged] as of [Reader.Verify].
func Import(ctx context.Context, log events.Log, r *Reader, done func(events.Position)) (present int64, err error) {
	if err := r.Manifest.Importable(); err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	if !r.verified {
		if err := r.Verify(ctx, func(events.Position) {}); err != nil {
			return 0, err
		}
	}
	totals, err := log.Totals(ctx)
	if err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	head := totals.Head
	if head > r.Manifest.Last {
		return 0, fmt.Errorf("import: %w: it holds %d events, the export %d", ErrNotEmpty, head, r.Manifest.Last)
	}
	begun := false // events are added
	begin := func() error {
		begun = true
		if head < r.Manifest.Last {
			if err := log.Restore(ctx, nil, r.Manifest.Last); err != nil {
				return err
			}
		}
		return restoreErasures(ctx, log, r.Manifest)
	}
	err = r.Each(ctx, func(read []events.Recorded) error {
		if r.Manifest.Version == 1 {
			if err := upgrade(ctx, log, read); err != nil {
				return err
			}
		}
		held := int(min(max(head-read[0].Position+1, 0), events.Position(len(read))))
		err := log.Restore(ctx, read[:held], 0)
		if rest := read[held:]; err == nil && len(rest) > 0 {
			if !begun {
				err = begin()
			}
			if err == nil {
				err = log.Restore(ctx, rest, r.Manifest.Last)
			}
		}
		switch {
		case errors.Is(err, events.ErrNotNext):
			return fmt.Errorf("%w: %w", ErrNotEmpty, err)
		case err != nil:
			return err
		}
		done(read[len(read)-1].Position)
		return nil
	})
	if err == nil && !begun {
		err = begin()
	}
	if err != nil {
		return int64(head), fmt.Errorf("import: %w", err)
	}
	return int64(head), nil
}

// upgrade brings events of an earlier version to the identity and digest of this one. One
// whose new identity another event has keeps its old one, as in a log that was upgraded.
func upgrade(ctx context.Context, log events.Log, read []events.Recorded) error {
	stored, err := log.Read(ctx, read[0].Position-1, len(read)) // of an import that was interrupted
	if err != nil {
		return err
	}
	drafts := make([]events.Draft, len(read))
	for i := range read {
		now, _ := events.Upgrade(read[i])
		drafts[i] = events.Draft{ID: now.ID, Event: now.Event, Digest: now.Digest}
	}
	known, err := log.Digests(ctx, drafts)
	if err != nil {
		return err
	}
	type identity struct {
		campaign events.Campaign
		id       events.ID
	}
	seen := make(map[identity]bool, len(read))
	for i := range read {
		key := identity{drafts[i].Event.Subject(), drafts[i].ID}
		taken := known[i] != nil || seen[key]
		if i < len(stored) {
			taken = stored[i].ID != drafts[i].ID
		}
		seen[key] = true
		if read[i].Digest = drafts[i].Digest; !taken {
			read[i].ID = drafts[i].ID
		}
	}
	return nil
}
