package privacy

import (
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

// Person says who is looked for in a campaign: whose phone number it is, or whom the
// producer calls so. Both empty: the campaign as a whole. Printed, logged or marshalled in any way, it
// shows as "***".
type Person struct {
	Campaign    events.Campaign // not empty
	Phone       string          // as [events.NormalizePhone] returns it
	Participant string
}

// Format implements [fmt.Formatter] for every verb.
func (Person) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (Person) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Traces is where a person is found.
type Traces struct {
	// Positions are those of the person's registrations, in ascending order.
	Positions []events.Position
	// Sharing is how many other registrations of the campaign have the phone number of the
	// participant.
	Sharing int
	// Unlinked is how many registrations of the campaign have no pseudonym, so that no phone
	// number leads to them.
	Unlinked int
	// Letters are the waiting dead letters whose records name the person.
	Letters []events.ID
	// Unopened is how many waiting dead letters this master key does not open.
	Unopened int
}

const (
	tracePage  = 1_000
	letterPage = 200 // each may hold a record of 1 MiB
)

// Trace finds a person's registrations in the log, and the dead letters whose records name the
// campaign and the person. Without a person it finds the campaign's dead letters alone. It
// makes no key.
func (k *Keeper) Trace(ctx context.Context, log events.Log, who Person) (Traces, error) {
	found, err := k.trace(ctx, log, who)
	if err != nil {
		return Traces{}, fmt.Errorf("trace a person: %w", err)
	}
	return found, nil
}

func (k *Keeper) trace(ctx context.Context, log events.Log, who Person) (Traces, error) {
	var found Traces
	switch {
	case who.Campaign == events.ReservedKey:
		return found, errors.New("the campaign is empty")
	case who.Phone != "" && !normalized(who.Phone):
		return found, fmt.Errorf("the phone number is not in E.164 form: %w", events.ErrPhoneNumber)
	}
	named := mention{campaign: who.Campaign, phone: who.Phone}
	if who.Participant != "" {
		named.participants = []string{who.Participant}
	}
	if who.Phone != "" || who.Participant != "" {
		participants, err := k.registrations(ctx, log, who, &found)
		if err != nil {
			return found, err
		}
		named.participants = append(named.participants, participants...)
	}
	return found, k.letters(ctx, log, named, &found)
}

// registrations finds the person's registrations and returns their participants.
func (k *Keeper) registrations(ctx context.Context, log events.Log, who Person, found *Traces) (participants []string, err error) {
	pseudonym, err := k.known(ctx, who.Campaign, who.Phone)
	if err != nil {
		return nil, err
	}
	same := make(map[events.Pseudonym]int) // registrations of other participants
	var own []events.Pseudonym
	s := events.Stream{Campaign: who.Campaign, Types: []events.Type{events.TypeParticipantRegistered}, Limit: tracePage}
	for {
		read, err := log.ReadStream(ctx, s)
		if err != nil {
			return nil, err
		}
		if len(read) == 0 {
			break
		}
		for _, r := range read {
			e := r.Event.(*events.ParticipantRegistered)
			none := e.Pseudonym == events.Pseudonym{}
			switch {
			case e.Erased():
			case who.Phone != "" && !none && e.Pseudonym == pseudonym, who.Participant != "" && e.Participant == who.Participant:
				found.Positions = append(found.Positions, r.Position)
				participants, own = append(participants, e.Participant), append(own, e.Pseudonym)
			case none:
				found.Unlinked++
			case who.Participant != "":
				same[e.Pseudonym]++
			}
		}
		s.After = read[len(read)-1].Position
	}
	for _, p := range own {
		found.Sharing += same[p]
		delete(same, p)
	}
	return participants, nil
}

// known returns the pseudonym of a phone number under the key that the campaign has; zero
// where it has none, or there is no number.
func (k *Keeper) known(ctx context.Context, c events.Campaign, phone string) (p events.Pseudonym, err error) {
	if phone == "" {
		return p, nil
	}
	stored, err := k.keys.Keys(ctx, []events.Campaign{c})
	if err != nil || len(stored[c]) == 0 {
		return p, err
	}
	pseudonyms, damaged, err := k.Pseudonyms(ctx, []Request{{Campaign: c, Phone: phone}})
	if err != nil {
		return p, err
	}
	if damaged[c] {
		return p, errors.New("the key store's entry of the campaign is damaged: name the person by participant")
	}
	return pseudonyms[0], nil
}

// letters finds the waiting dead letters whose records mention what is named.
func (k *Keeper) letters(ctx context.Context, log events.Log, named mention, found *Traces) error {
	q := events.DeadLetterQuery{Limit: letterPage}
	for {
		page, err := log.DeadLetters().Waiting(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			switch rec, err := k.Unseal(ctx, page[i].Sealed); {
			case errors.Is(err, ErrSealed):
				found.Unopened++
			case err != nil:
				return err
			case named.in(rec):
				found.Letters = append(found.Letters, page[i].ID)
			}
		}
		q.After = &page[len(page)-1]
	}
}
