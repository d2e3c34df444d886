package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrNoSubjectKey means that a subject identifies a person, and that there is no key to keep it
// under.
var ErrNoSubjectKey = errors.New("the subject identifies a person, and there is no key to keep it under")

// Subject names the bearers of tokens, as the sub of these does. One that identifies a person is
// kept as a hash under a key (I10): without a key, every telephone number could be tried.
// Subjects can be compared.
type Subject struct {
	name string // "" of one that is hashed
	key  SubjectKeyID
	hash [sha256.Size]byte
}

// SubjectKey hashes subjects that identify persons. The zero value is no key. Printed, logged or
// marshalled in any way, it shows as "***".
type SubjectKey struct{ key [sha256.Size]byte }

// SubjectKeyID tells keys apart and reveals none.
type SubjectKeyID [8]byte

// String returns the ID in hexadecimal.
func (id SubjectKeyID) String() string { return hex.EncodeToString(id[:]) }

// NewSubjectKey returns a key of random bytes, or of bytes that were derived from such.
func NewSubjectKey(key [sha256.Size]byte) SubjectKey { return SubjectKey{key} }

// Format implements [fmt.Formatter] for every verb.
func (SubjectKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalText implements [encoding.TextMarshaler].
func (SubjectKey) MarshalText() ([]byte, error) { return []byte("***"), nil }

// ID returns what the subjects that are hashed with the key name it by.
func (k SubjectKey) ID() SubjectKeyID {
	sum := k.sum("\x00id") // no subject has a NUL
	return SubjectKeyID(sum[:8])
}

// Subject returns the subject of that name. The error is [ErrNoSubjectKey] where it identifies a
// person and k is no key; any other one says what is wrong with the name.
func (k SubjectKey) Subject(name string) (Subject, error) {
	if !utf8.ValidString(name) {
		return Subject{}, errors.New("subject: is not UTF-8")
	}
	if problem := idProblem([]byte(name)); problem != "" {
		return Subject{}, fmt.Errorf("subject: %s; expected %s", problem, wantID)
	}
	switch kind := PersonalInID(name); {
	case kind == NothingPersonal:
		return Subject{name: name}, nil
	case k == SubjectKey{}:
		return Subject{}, fmt.Errorf("subject: is or holds %s: %w", kind, ErrNoSubjectKey)
	default:
		return k.Hashed(name), nil
	}
}

// Hashed returns the subject of that name as it would be kept if it identified a person.
func (k SubjectKey) Hashed(name string) Subject { return Subject{key: k.ID(), hash: k.sum(name)} }

func (k SubjectKey) sum(text string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, k.key[:])
	mac.Write([]byte(text))
	return [sha256.Size]byte(mac.Sum(nil))
}

// Name returns the subject's name; "" where it is hashed.
func (s Subject) Name() string { return s.name }

// KeyID returns the ID of the key that the subject is hashed with; zero where it is not.
func (s Subject) KeyID() SubjectKeyID { return s.key }

// Kept returns the subject as a store keeps it: a name, or else the ID of a key and a hash.
func (s Subject) Kept() (name string, key, hash []byte) {
	if s.key == (SubjectKeyID{}) {
		return s.name, nil, nil
	}
	return "", s.key[:], s.hash[:]
}

// KeptSubject returns the subject that a store keeps. The error is [ErrCorrupt].
func KeptSubject(name string, key, hash []byte) (Subject, error) {
	s := Subject{name: name}
	if name == "" && copy(s.key[:], key) == len(key) && copy(s.hash[:], hash) == len(hash) && len(key) == len(s.key) && len(hash) == len(s.hash) {
		return s, nil
	}
	if name == "" || len(key) > 0 || len(hash) > 0 {
		return Subject{}, fmt.Errorf("%w: the subject of a withdrawn right", ErrCorrupt)
	}
	return s, nil
}
