package privacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// subkey derives the key for one purpose (HKDF-SHA-256, RFC 5869) from another key. A purpose is
// part of the stored form and never changes.
func subkey(of [keyBytes]byte, purpose string) (*[keyBytes]byte, error) {
	raw, err := hkdf.Key(sha256.New, of[:], nil, purpose, keyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return (*[keyBytes]byte)(raw), nil
}

// aeadOf returns AES-256-GCM under the subkey, with a random nonce before every
// ciphertext. That is safe for 2^32 messages, far more than there are campaigns or
// dead letters under one master key.
func aeadOf(master MasterKey, purpose string) (cipher.AEAD, error) {
	key, err := subkey(master.key, purpose)
	if err != nil {
		return nil, err
	}
	return aead(key)
}

func aead(key *[keyBytes]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
