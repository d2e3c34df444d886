package redis

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

const (
	// KeyBytes is the length of the key of [Config].
	KeyBytes = 32

	// macBytes is the length of a MAC: HMAC-SHA-256, cut to half (RFC 2104, section 5).
	macBytes = 16
)

// purpose tells what is authenticated, so that nothing made for one passes for the other.
type purpose byte

const (
	forValue  purpose = 'v'
	forNotice purpose = 'n'
)

// authenticator makes and checks MACs under one key. It is safe for concurrent use.
type authenticator struct {
	states sync.Pool // of *macState
}

// macState is what one MAC is computed with. The hash keeps the key's state when it is reset.
type macState struct {
	hash   hash.Hash
	buffer []byte
}

func newAuthenticator(key [KeyBytes]byte) *authenticator {
	a := &authenticator{}
	a.states.New = func() any { return &macState{hash: hmac.New(sha256.New, key[:])} }
	return a
}

// mac appends the MAC of what was put into the state's buffer.
func (s *macState) mac(to []byte) []byte {
	var sum [sha256.Size]byte
	s.hash.Reset()
	_, _ = s.hash.Write(s.buffer) // a hash never fails
	return append(to, s.hash.Sum(sum[:0])[:macBytes]...)
}

// seal appends the MAC of everything before it.
func (a *authenticator) seal(p purpose, b []byte) []byte {
	s := a.states.Get().(*macState)
	defer a.states.Put(s)
	s.buffer = append(append(s.buffer[:0], byte(p)), b...)
	return s.mac(b)
}

// opened returns what stands before the MAC, false where that was not made with this key.
func (a *authenticator) opened(p purpose, sealed string) (string, bool) {
	if len(sealed) < macBytes {
		return "", false
	}
	end := len(sealed) - macBytes
	s := a.states.Get().(*macState)
	defer a.states.Put(s)
	s.buffer = append(append(s.buffer[:0], byte(p)), sealed[:end]...)
	var want [macBytes]byte
	s.mac(want[:0])
	return sealed[:end], subtle.ConstantTimeCompare(want[:], []byte(sealed[end:])) == 1
}
