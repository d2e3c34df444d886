package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
)

// ErrErased means that the partial file holds a person who has been erased from the log
// since.
var ErrErased = errors.New("its person was erased after it was written: begin the export anew")

// Erasure is an [events.Erasure] in a manifest.
type Erasure struct {
	Campaign  events.Campaign   `json:"campaign"`
	Positions []events.Position `json:"positions,omitempty"`
	Who       string            `json:"who"`
	Why       string            `json:"why"`
	At        time.Time         `json:"at"`
}

// addErasures adds the records of the log that concern what was written, or a campaign's
// key. [ErrErased] if a record names an event that was written with its person,
// [events.ErrCorrupt] if none names an erased one.
func (w *Writer) addErasures(ctx context.Context, log events.Log) error {
	all, err := log.Erasures().List(ctx, "")
	if err != nil {
		return err
	}
	t := w.tally
	t.erasures = nil
	for _, e := range all {
		if len(e.Positions) == 0 || slices.ContainsFunc(e.Positions, t.holds) {
			t.erasures = append(t.erasures, Erasure(e))
		}
	}
	unnamed, person := t.differing(t.erasures)
	switch {
	case person > 0:
		return fmt.Errorf("position %d: %w", person, ErrErased)
	case unnamed > 0:
		return fmt.Errorf("%w: position %d is erased, and no record says by whom", events.ErrCorrupt, unnamed)
	}
	return nil
}

// holds reports whether the position is one of the events added.
func (t *tally) holds(p events.Position) bool {
	return t.first.Position <= p && p <= t.last.Position
}

// differing returns the first event added that is erased and that no erasure names, and the
// first that one names and that holds a person; 0 where there is none.
func (t *tally) differing(erasures []Erasure) (unnamed, person events.Position) {
	named := make(map[events.Position]bool)
	for _, e := range erasures {
		for _, p := range e.Positions {
			named[p] = t.holds(p)
		}
	}
	for _, p := range t.erased {
		if !named[p] && unnamed == 0 {
			unnamed = p
		}
		delete(named, p)
	}
	for p, held := range named {
		if held && (person == 0 || p < person) {
			person = p
		}
	}
	return unnamed, person
}

// checkErasures returns [ErrDamaged] unless the events added are erased where the manifest
// says so.
func (t *tally) checkErasures(m Manifest) error {
	unnamed, person := t.differing(m.Erasures)
	switch {
	case unnamed > 0:
		return fmt.Errorf("%w: position %d is erased, and its manifest does not say by whom", ErrDamaged, unnamed)
	case person > 0:
		return fmt.Errorf("%w: position %d holds a person, its manifest says that it is erased", ErrDamaged, person)
	}
	return nil
}

// restoreErasures gives the log the records of the manifest. They come before the events, so
// that no event is erased that no record names.
func restoreErasures(ctx context.Context, log events.Log, m Manifest) error {
	if len(m.Erasures) == 0 {
		return nil
	}
	all := make([]events.Erasure, len(m.Erasures))
	for i, e := range m.Erasures {
		all[i] = events.Erasure(e)
	}
	return log.Erasures().Restore(ctx, all)
}
