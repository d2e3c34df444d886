package events

import (
	"fmt"
	"strings"
)

// Remnant is what an event holds that an earlier release stored and this one does not: what
// identifies a person, or free text of the public (I10). It does not hold the value.
type Remnant struct {
	Field string // as in the contract
	Is    string // such as "a phone number" or "free text"
}

// freeText says that a registration's text names more, or something else, than a contract lists.
const freeText = "free text"

// Remnants returns what of an event this release would refuse or not store, in the order of its
// fields.
func Remnants(e Event) (all []Remnant) {
	found := func(field string, p Personal) {
		if p != NothingPersonal {
			all = append(all, Remnant{field, p.String()})
		}
	}
	named := func(field, text string, listed bool) {
		switch p := PersonalInID(text); {
		case listed:
		case p != NothingPersonal:
			found(field, p)
		default:
			all = append(all, Remnant{field, freeText})
		}
	}
	found("eventId", PersonalInID(string(e.Subject())))
	switch e := e.(type) {
	case *EventCreated:
		found("storeId", PersonalInID(string(e.Shop)))
		found("title", PersonalInText(e.Title))
		found("objective", PersonalInText(e.Objective))
		found("movedBy", personalInWho(e.MovedBy))
		found("movedWhy", PersonalInText(e.MovedWhy))
	case *ParticipantRegistered:
		found("participantId", PersonalInID(e.Participant))
		named("channel", e.Channel, e.Channel == OtherName || ChannelNamed(e.Channel) != OtherChannel)
		named("gender", e.Gender, e.Gender == OtherName || GenderNamed(e.Gender) != OtherName)
		named("ageGroup", e.AgeGroup, e.AgeGroup == OtherName || AgeGroupNamed(e.AgeGroup) != OtherName)
		named("region", e.Region, regionListed(e.Region))
	case *EventsWithdrawn:
		found("who", personalInWho(e.Who))
		found("why", PersonalInText(e.Why))
	case *DistributionCompleted, *ChannelStatsFetched: // have no other text
	}
	return all
}

// regionListed reports whether the text is of nothing but a 시도 and what it consists of.
func regionListed(text string) bool {
	if text == OtherName || named(text, regionOf) != OtherName {
		return true
	}
	districts := districtsOf(RegionNamed(text))
	for i, part := range strings.Fields(text) {
		if i == 0 {
			continue // it named the 시도, or that has no districts
		}
		if !strings.Contains(districts, " "+part+" ") {
			return false
		}
	}
	return districts != ""
}

// Redact returns the event as it is stored once its remnants have been taken from it, and whether
// anything was: texts of the public become what they name, numbers and addresses in titles,
// objectives and reasons three asterisks, the ids of campaigns and shops what name makes of them,
// and a registration whose participant is a person's number or address is erased
// ([Recorded.Erase]). As in an erasure, all that totals are made of stays, with the identity and
// the half of the digest that covers what the producer sent.
func (r Recorded) Redact(name Namer) (Recorded, bool) {
	before := r
	campaign := Campaign(name.id(string(r.Event.Subject())))
	differs := campaign != r.Event.Subject()
	switch e := r.Event.(type) {
	case *EventCreated:
		now := *e
		now.Campaign, now.Shop = campaign, Shop(name.id(string(e.Shop)))
		now.Title, now.Objective = MaskPersonal(e.Title), MaskPersonal(e.Objective)
		now.MovedBy, now.MovedWhy = maskWho(e.MovedBy), MaskPersonal(e.MovedWhy)
		differs = now != *e
		now.Redacted = true
		r.Event = &now
	case *ParticipantRegistered:
		now := *e
		if PersonalInID(e.Participant) != NothingPersonal {
			now = *r.Erase().Event.(*ParticipantRegistered)
		}
		now.Campaign = campaign
		now.nameTexts()
		differs = now != *e
		now.Redacted = !now.Erased()
		r.Event = &now
	case *DistributionCompleted:
		now := *e
		now.Campaign, now.Redacted = campaign, true
		r.Event = &now
	case *ChannelStatsFetched:
		now := *e
		now.Campaign, now.Redacted = campaign, true
		r.Event = &now
	case *EventsWithdrawn:
		now := *e
		now.Campaign, now.Who, now.Why = campaign, maskWho(e.Who), MaskPersonal(e.Why)
		differs = differs || now.Who != e.Who || now.Why != e.Why
		now.Redacted = true
		r.Event = &now
	}
	if !differs {
		return before, false
	}
	r.Digest = r.Digest.overwritten(r.Event)
	return r, true
}

// Overwritten reports whether the event is erased or redacted: the half of its digest that covers
// what the producer sent cannot be computed from it.
func (r *Recorded) Overwritten() bool {
	switch e := r.Event.(type) {
	case *EventCreated:
		return e.Redacted
	case *ParticipantRegistered:
		return e.Redacted || e.Erased()
	case *DistributionCompleted:
		return e.Redacted
	case *ChannelStatsFetched:
		return e.Redacted
	case *EventsWithdrawn:
		return e.Redacted
	}
	return false
}

// Redactable returns what is to be written in the place of stored, the events that a log holds at
// the positions of e in ascending order: those that hold anything to be redacted, in their
// redacted form. Adapters call it. [ErrNotErasable] if one is of another campaign, or missing.
func Redactable(e Erasure, name Namer, stored []Recorded) ([]Recorded, error) {
	return overwritable(e, Campaign(name.id(string(e.Campaign))), stored, func(r *Recorded) (Recorded, bool, error) {
		now, differs := r.Redact(name)
		return now, differs, nil
	})
}

// overwritable returns the events that overwrite changes, as it returns them. They are of the
// campaign of e, or have its other name already.
func overwritable(e Erasure, also Campaign, stored []Recorded, overwrite func(*Recorded) (Recorded, bool, error)) ([]Recorded, error) {
	if len(e.Positions) > MaxErased {
		return nil, fmt.Errorf("erase: %d positions, expected at most %d", len(e.Positions), MaxErased)
	}
	var left []Recorded
	for i, at := range e.Positions {
		if i >= len(stored) || stored[i].Position != at || stored[i].Event.Subject() != e.Campaign && stored[i].Event.Subject() != also {
			return nil, fmt.Errorf("position %d: %w", at, ErrNotErasable)
		}
		now, differs, err := overwrite(&stored[i])
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", at, err)
		}
		if differs {
			left = append(left, now)
		}
	}
	return left, nil
}
