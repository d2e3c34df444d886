package events

import "strings"

// Slab is memory that the registrations of one read, or of one frame, share: one allocation for many. What keeps
// one of them, or a text of it, keeps all of its piece; the folds keep none. The zero value is
// ready for use.
type Slab struct {
	size          int // of the last piece, in registrations
	texts         texts
	registrations []slabRegistration
}

type slabRegistration struct {
	event       ParticipantRegistered
	newCustomer bool
}

// maxSlab is how many registrations a piece has at most, slabText how many bytes of text
// there is for each, and slabDigits how many of its phone number.
const (
	maxSlab    = 64
	slabText   = 256
	slabDigits = 16
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
	return s.texts.keep(payload, slabText*s.size)
}

// texts are texts that share pieces of memory. The zero value is ready for use.
type texts struct{ piece strings.Builder }

// keep returns the text as a string. Where the piece has no room for it the next one begins, of so
// many bytes.
func (t *texts) keep(text []byte, next int) string {
	if t.piece.Cap()-t.piece.Len() < len(text) {
		t.piece.Reset() // what was written stays with the texts
		t.piece.Grow(max(len(text), next))
	}
	start := t.piece.Len()
	t.piece.Write(text)
	return t.piece.String()[start:]
}
