package events

import "strings"

// Slab is memory that the registrations of one read share: one allocation for many. What keeps
// one of them, or a text of it, keeps all of its piece; the folds keep none. The zero value is
// ready for use.
type Slab struct {
	size          int // of the last piece, in registrations
	texts         strings.Builder
	registrations []slabRegistration
}

type slabRegistration struct {
	event       ParticipantRegistered
	newCustomer bool
}

// maxSlab is how many registrations a piece has at most, and slabText how many bytes of text
// there is for each.
const (
	maxSlab  = 64
	slabText = 256
)

// registration returns a new registration, and where its NewCustomer may point to.
func (s *Slab) registration() (*ParticipantRegistered, *bool) {
	if s == nil {
		r := new(slabRegistration)
		return &r.event, &r.newCustomer
	}
	if len(s.registrations) == cap(s.registrations) {
		s.size = min(max(1, 2*s.size), maxSlab) // a read may have few
		s.registrations = make([]slabRegistration, 0, s.size)
	}
	s.registrations = s.registrations[:len(s.registrations)+1]
	r := &s.registrations[len(s.registrations)-1]
	return &r.event, &r.newCustomer
}

// text returns a copy of the stored form of a registration.
func (s *Slab) text(payload []byte) string {
	if s == nil || len(payload) > 2*slabText {
		return string(payload)
	}
	if s.texts.Cap()-s.texts.Len() < len(payload) {
		s.texts.Reset() // what was written stays with the texts
		s.texts.Grow(max(len(payload), slabText*s.size))
	}
	start := s.texts.Len()
	s.texts.Write(payload)
	return s.texts.String()[start:]
}
