package auth

import (
	"bytes"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// secretEvery is the time between two readings of a secret.
const secretEvery = time.Second

// secret is a shared secret that is read again. It is safe for concurrent use.
type secret struct {
	read   func() ([]byte, error) // nil: it never changes
	logger *slog.Logger
	key    atomic.Pointer[verificationKey] // the bytes never change, another secret is another pointer

	reading sync.Mutex
	last    time.Time // guarded by reading
	failed  bool      // guarded by reading
}

func newSecret(cfg Config) *secret {
	s := &secret{read: cfg.ReadSecret, logger: cfg.Logger, last: time.Now()}
	s.key.Store(&verificationKey{jwt.SigningMethodHS256, slices.Clone(cfg.Secret)})
	return s
}

// now returns the key, read again where that is due. One caller at a time reads; the others do
// not wait for it.
func (s *secret) now() *verificationKey {
	if s.read != nil && s.reading.TryLock() {
		defer s.reading.Unlock()
		if time.Since(s.last) >= secretEvery {
			s.last = time.Now()
			s.readAgain()
		}
	}
	return s.key.Load()
}

// readAgain requires reading.
func (s *secret) readAgain() {
	text, err := s.read()
	switch {
	case err != nil || len(text) < MinSecretBytes:
		if !s.failed {
			s.logger.Warn("auth: the secret could not be read, the last one stays in use", slog.Any("error", err), slog.Int("bytes", len(text)))
		}
		s.failed = true
		return
	case !bytes.Equal(text, s.key.Load().key.([]byte)):
		s.key.Store(&verificationKey{jwt.SigningMethodHS256, slices.Clone(text)})
		s.logger.Info("auth: the secret was exchanged, tokens of the last one are refused")
	}
	s.failed = false
}
