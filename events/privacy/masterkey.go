package privacy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrMasterKey means that the master key is readable by others, is malformed, or is not the one
// that the key store was written with.
var ErrMasterKey = errors.New("wrong master key")

// redacted replaces a secret in everything that is printed.
const redacted = "***"

// MasterKey wraps the campaigns' keys and seals dead letters. Printed, logged or
// marshalled in any way, it shows as "***".
type MasterKey struct{ key [keyBytes]byte }

// Format implements [fmt.Formatter] for every verb.
func (MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements [encoding.TextMarshaler].
func (MasterKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// NewMasterKey returns a random master key.
func NewMasterKey() MasterKey {
	var k MasterKey
	_, _ = rand.Read(k.key[:]) // never fails: crypto/rand ends the process instead
	return k
}

// ParseMasterKey parses a master key: the base64 of 32 bytes, as [CreateMasterKey]
// or "openssl rand -base64 32" writes it. It ignores white space around it. The
// error is [ErrMasterKey].
func ParseMasterKey(text string) (MasterKey, error) {
	key, err := parseSecret(text)
	if err != nil {
		return MasterKey{}, fmt.Errorf("parse master key: %w: %w", err, ErrMasterKey)
	}
	return MasterKey{key}, nil
}

// LoadMasterKey reads the master key from a file that only its owner may read. The
// error is [ErrMasterKey] if others may or if the content is malformed, and wraps
// [fs.ErrNotExist] if there is no file.
func LoadMasterKey(path string) (MasterKey, error) {
	key, err := loadSecret(path, ErrMasterKey)
	if err != nil {
		return MasterKey{}, fmt.Errorf("load master key: %w", err)
	}
	return MasterKey{key}, nil
}

// CreateMasterKey writes a new random master key to a new file of mode 0600 and
// returns it once it is durable. After a crash the file is complete or absent. Of
// several processes that create it at once one succeeds; the others get
// [fs.ErrExist] and load its file.
func CreateMasterKey(path string) (MasterKey, error) {
	k := NewMasterKey()
	if err := saveSecret(path, k.key); err != nil {
		return k, fmt.Errorf("create master key: %w", err)
	}
	return k, nil
}

// ReplaceMasterKey puts the file of the next master key in the place of that at path, which it
// keeps as former. The files are in one directory. Killed at any moment, path holds one of the
// two; called again, it goes on.
func ReplaceMasterKey(path, next, former string) error {
	if err := replaceMasterKey(path, next, former); err != nil {
		return fmt.Errorf("replace master key: %w", err)
	}
	return nil
}

func replaceMasterKey(path, next, former string) error {
	now, err := LoadMasterKey(path)
	if err != nil {
		return err
	}
	switch then, err := LoadMasterKey(next); {
	case err != nil:
		return err
	case then == now: // another caller was first
		return os.Remove(next)
	}
	if err := os.Remove(former); err != nil && !errors.Is(err, fs.ErrNotExist) { // of the rotation before
		return err
	}
	if err := os.Link(path, former); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
