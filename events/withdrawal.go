package events

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// EventsWithdrawn says that events of a campaign, once recorded, do not count. It may name
// another EventsWithdrawn, which undoes that one. An event is in effect unless a later
// EventsWithdrawn that is itself in effect names it. It comes by no topic.
type EventsWithdrawn struct { //nolint:revive // the name is the type's, as EventCreated is
	Campaign  Campaign
	Positions []Position // ascending, each before that of the event itself
	Who       string
	Why       string
	Redacted  bool // as of [EventCreated]
}

// The bounds of an [EventsWithdrawn]: of its positions, and of its texts in characters.
const (
	MaxWithdrawn = 1_000
	MaxWho       = 200
	MaxWhy       = 500
)

// RareTypes returns the types of which a campaign has few events, so that a log keeps an
// index of them: descriptions and withdrawals.
func RareTypes() []Type { return []Type{TypeEventCreated, TypeEventsWithdrawn} }

// NewWithdrawal returns the draft of a withdrawal at the time of now. The positions may
// come in any order.
func NewWithdrawal(w EventsWithdrawn, now time.Time) (Draft, error) {
	w.Positions = slices.Compact(slices.Sorted(slices.Values(w.Positions)))
	if err := w.check(); err != nil {
		return Draft{}, err
	}
	d := Draft{OccurredAt: now.UTC().Truncate(time.Microsecond), Event: &w}
	d.Digest = contentDigest(&w)
	d.ID = draftID(&d, &envelope{}, d.OccurredAt)
	return d, nil
}

// check returns the first problem, for the person who withdraws.
func (e *EventsWithdrawn) check() error {
	switch {
	case len(e.Positions) == 0 || e.Positions[0] < 1:
		return errors.New("positions: expected at least one, from 1 on")
	case len(e.Positions) > MaxWithdrawn:
		return fmt.Errorf("positions: %d of one campaign; expected at most %d", len(e.Positions), MaxWithdrawn)
	}
	return checkReason(e.Who, e.Why)
}

// checkReason returns the first problem of who did something, and why.
func checkReason(who, why string) error {
	return cmp.Or(checkLine("who", who, MaxWho), checkLine("why", why, MaxWhy))
}

// checkLine returns the first problem of a text that is kept for good.
func checkLine(name, text string, most int) error {
	switch {
	case strings.TrimSpace(text) == "" || utf8.RuneCountInString(text) > most || !utf8.ValidString(text):
		return fmt.Errorf("%s: expected 1 to %d characters of text", name, most)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		return fmt.Errorf("%s: expected one line, without control and bidi characters", name)
	}
	p := PersonalInText(text)
	if name == "who" { // may be named by a mail address
		p = personalInWho(text)
	}
	if p != NothingPersonal {
		return fmt.Errorf("%s: holds what looks like %s, and is kept for good; expected none", name, p)
	}
	return nil
}

// Withdrawn is what of a campaign is withdrawn as of a position: for each position the one
// of the withdrawal that took it back. It holds withdrawals that were undone too.
type Withdrawn map[Position]Position

// WithdrawnAt returns what the events of a campaign withdraw as of a position. They are
// those that the campaign's stream holds, of which only each [EventsWithdrawn] counts, in
// order. It is nil where there is none.
func WithdrawnAt(stream []Recorded, at Position) Withdrawn {
	var all Withdrawn
	// The newest is in effect, so it decides on those before it.
	for _, r := range slices.Backward(stream) {
		w, ok := r.Event.(*EventsWithdrawn)
		if !ok || r.Position > at {
			continue
		}
		if _, undone := all[r.Position]; undone {
			continue
		}
		for _, p := range w.Positions {
			if _, already := all[p]; already || p >= r.Position {
				continue
			}
			if all == nil {
				all = make(Withdrawn)
			}
			all[p] = r.Position
		}
	}
	return all
}

// InEffect returns the events that folds see: neither those that are withdrawn nor any
// [EventsWithdrawn].
func (w Withdrawn) InEffect(of []Recorded) []Recorded {
	hidden := func(r *Recorded) bool {
		if len(w) > 0 { // of most campaigns nothing is
			if _, withdrawn := w[r.Position]; withdrawn {
				return true
			}
		}
		return r.Event.Type() == TypeEventsWithdrawn
	}
	n := 0
	for n < len(of) && !hidden(&of[n]) {
		n++
	}
	if n == len(of) {
		return of
	}
	left := slices.Clone(of[:n])
	for i := n + 1; i < len(of); i++ {
		if !hidden(&of[i]) {
			left = append(left, of[i])
		}
	}
	return left
}
