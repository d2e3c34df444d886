package auth

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Secret is a shared secret that signs and verifies HS256.
type Secret struct {
	// ID is the kid of the tokens that it signs; empty: these name no key.
	ID   string
	Text []byte // at least [MinSecretBytes]
}

// MinSecretBytes is the length of the shortest secret that may sign tokens: that of an
// HS256 signature (RFC 7518, section 3.2).
const MinSecretBytes = sha256.Size

// maxSecrets is how many secrets there may be. A token that names no key may be verified by
// each of them.
const maxSecrets = 10

func (s Secret) validate() error {
	switch {
	case len(s.Text) < MinSecretBytes:
		return fmt.Errorf("the secret is %d bytes; expected at least %d", len(s.Text), MinSecretBytes)
	case !isKid(s.ID):
		return errors.New("the key id of a secret: expected at most 200 printable ASCII characters")
	}
	return nil
}

// CheckSecrets returns what is wrong with secrets that are to verify tokens together.
func CheckSecrets(all []Secret) error {
	if len(all) == 0 || len(all) > maxSecrets {
		return fmt.Errorf("%d secrets; expected 1 to %d", len(all), maxSecrets)
	}
	for i, secret := range all {
		if err := secret.validate(); err != nil {
			return err
		}
		if secret.ID != "" && slices.ContainsFunc(all[:i], func(s Secret) bool { return s.ID == secret.ID }) {
			return fmt.Errorf("two secrets have the key id %s", secret.ID)
		}
	}
	return nil
}

// secretEvery is the time between two readings of secrets.
const secretEvery = time.Second

// secrets are the shared secrets, which are read again. It is safe for concurrent use.
type secrets struct {
	read   func() ([]Secret, error) // nil: they never change
	logger *slog.Logger
	keys   atomic.Pointer[[]*verificationKey] // a secret that stays keeps its pointer

	reading sync.Mutex
	last    time.Time // guarded by reading
	failed  bool      // guarded by reading
}

var _ keyring = (*secrets)(nil)

func newSecrets(cfg Config) (*secrets, error) {
	s := &secrets{read: cfg.ReadSecrets, logger: cfg.Logger, last: time.Now()}
	keys, err := s.replace(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	s.keys.Store(&keys)
	return s, nil
}

// find implements [keyring].
func (s *secrets) find(h header) ([]*verificationKey, error) {
	if h.alg != jwt.SigningMethodHS256.Alg() {
		return nil, refusal("alg: expected HS256")
	}
	var unnamed []*verificationKey
	for _, key := range s.now() {
		switch key.id {
		case "":
			unnamed = append(unnamed, key)
		case h.kid:
			return []*verificationKey{key}, nil
		}
	}
	if len(unnamed) == 0 {
		return nil, refusal("kid: is unknown")
	}
	return unnamed, nil
}

// holds implements [keyring].
func (s *secrets) holds(k *verificationKey) bool { return slices.Contains(s.now(), k) }

// renew implements [keyring]. Each use reads the secrets again where that is due.
func (s *secrets) renew() {}

func (s *secrets) close() {}

// now returns the keys, read again where that is due. One caller at a time reads; the others do
// not wait for it.
func (s *secrets) now() []*verificationKey {
	if s.read != nil && s.reading.TryLock() {
		defer s.reading.Unlock()
		if time.Since(s.last) >= secretEvery {
			s.last = time.Now()
			s.readAgain()
		}
	}
	return *s.keys.Load()
}

// readAgain requires reading.
func (s *secrets) readAgain() {
	all, err := s.read()
	var keys []*verificationKey
	if err == nil {
		keys, err = s.replace(all)
	}
	switch last := *s.keys.Load(); {
	case err != nil:
		if !s.failed {
			s.logger.Warn("auth: the secrets could not be read, the last ones stay in use", slog.Any("error", err))
		}
		s.failed = true
		return
	case !slices.Equal(keys, last):
		s.keys.Store(&keys)
		s.logger.Info("auth: secrets were exchanged, tokens of those that are gone are refused", slog.Int("secrets", len(keys)))
	}
	s.failed = false
}

// replace returns the keys of secrets, of which those that are in use stay as they are.
func (s *secrets) replace(all []Secret) ([]*verificationKey, error) {
	if err := CheckSecrets(all); err != nil {
		return nil, err
	}
	var used []*verificationKey
	if last := s.keys.Load(); last != nil {
		used = *last
	}
	keys := make([]*verificationKey, len(all))
	for i, secret := range all {
		keys[i] = &verificationKey{id: secret.ID, method: jwt.SigningMethodHS256, key: bytes.Clone(secret.Text)}
		for _, key := range used {
			if key.id == secret.ID && bytes.Equal(key.key.([]byte), secret.Text) {
				keys[i] = key
			}
		}
	}
	return keys, nil
}
