package privacy

import (
	"crypto/rand"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrCacheKey means that the file of a cache key is readable by others, or is malformed.
var ErrCacheKey = errors.New("wrong cache key")

// CacheKey authenticates what processes share in a Redis, and leads to the key of the subjects of
// tokens. It is derived from the master key,
// so that those that hold this one agree on it, and opens nothing that the master key opens:
// a process that only reads needs no other key. Printed, logged or marshalled in any way, it
// shows as "***".
type CacheKey struct{ key [keyBytes]byte }

// Format implements [fmt.Formatter] for every verb.
func (CacheKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (CacheKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Bytes returns the key itself.
func (k CacheKey) Bytes() [keyBytes]byte { return k.key }

// NewCacheKey returns a random key, of a Redis that no other process uses.
func NewCacheKey() CacheKey {
	var k CacheKey
	_, _ = rand.Read(k.key[:]) // never fails: crypto/rand ends the process instead
	return k
}

// CacheKey derives the key of the cache.
func (k MasterKey) CacheKey() (CacheKey, error) {
	key, err := subkey(k.key, purposeCache)
	if err != nil {
		return CacheKey{}, err
	}
	return CacheKey{*key}, nil
}

// SubjectKey derives the key that subjects are hashed with which identify persons.
func (k CacheKey) SubjectKey() (events.SubjectKey, error) {
	key, err := subkey(k.key, purposeSubjects)
	if err != nil {
		return events.SubjectKey{}, err
	}
	return events.NewSubjectKey(*key), nil
}

// LoadCacheKey reads the key from a file that only its owner may read. The error is
// [ErrCacheKey] if others may or if the content is malformed.
func LoadCacheKey(path string) (CacheKey, error) {
	key, err := loadSecret(path, ErrCacheKey)
	if err != nil {
		return CacheKey{}, fmt.Errorf("load cache key: %w", err)
	}
	return CacheKey{key}, nil
}

// Save writes the key to a new file of mode 0600. Where there is a file the error is
// [fs.ErrExist].
func (k CacheKey) Save(path string) error {
	if err := saveSecret(path, k.key); err != nil {
		return fmt.Errorf("save cache key: %w", err)
	}
	return nil
}
