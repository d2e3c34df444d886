package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"jangbu/events"
)

// TestSubject: a subject that identifies a person is kept as a hash under a key, or not at all
// (I10).
func TestSubject(t *testing.T) {
	t.Parallel()
	key, other := events.NewSubjectKey([32]byte{1}), events.NewSubjectKey([32]byte{2})
	for _, person := range []string{"kim@example.com", "010-1234-5678", "+82 10 1234 5678", "tel:010%2D1234%2D5678", "０１０１２３４５６７８", "900101-1234567", "4111111111111111"} {
		if _, err := (events.SubjectKey{}).Subject(person); !errors.Is(err, events.ErrNoSubjectKey) || strings.Contains(err.Error(), person) {
			t.Errorf("%s without a key: %v", person, err)
		}
		s, err := key.Subject(person)
		if err != nil {
			t.Fatal(err)
		}
		name, id, hash := s.Kept()
		if name != "" || s.Name() != "" || len(hash) != 32 || !bytes.Equal(id, func() []byte { i := key.ID(); return i[:] }()) || s.KeyID() != key.ID() {
			t.Errorf("%s is kept as %q, %x, %x", person, name, id, hash)
		}
		if again, err := events.KeptSubject(name, id, hash); err != nil || again != s {
			t.Errorf("%s is read back as %v, %v", person, again, err)
		}
		if s == other.Hashed(person) || s == key.Hashed(person+"x") || s != key.Hashed(person) {
			t.Errorf("the hash of %s is not that of key and name", person)
		}
	}
	for _, plain := range []string{"kim", "auth0|5f7c8ec7", "a1b2c3d4-1111-2222-3333-444455556666", "김사장"} {
		s, err := events.SubjectKey{}.Subject(plain)
		if kept, id, hash := s.Kept(); err != nil || kept != plain || id != nil || hash != nil || s.Name() != plain {
			t.Errorf("%s: %v, %v", plain, s, err)
		}
		if keyed, err := key.Subject(plain); err != nil || keyed != s {
			t.Errorf("%s with a key: %v, %v", plain, keyed, err)
		}
	}
	for name, want := range map[string]string{"": "is empty", strings.Repeat("x", 201): "subject: ", "a\x00": "subject: ", "\xff": "not UTF-8"} {
		if _, err := key.Subject(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, c := range map[string][3]string{
		"nothing": {}, "no hash": {"", "12345678"}, "a short hash": {"", "12345678", "x"}, "both": {"kim", "12345678", strings.Repeat("x", 32)},
	} {
		if s, err := events.KeptSubject(c[0], []byte(c[1]), []byte(c[2])); !errors.Is(err, events.ErrCorrupt) || s != (events.Subject{}) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	text, err := json.Marshal(key)
	if shown := fmt.Sprintf("%v %+v %#v %s %x %s", key, key, key, key, key, text); err != nil || shown != `*** *** *** *** *** "***"` {
		t.Errorf("a key shows as %s: %v", shown, err)
	}
}
