package privacy

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("parse master key: not base64; expected the base64 of 32 bytes: %w", ErrMasterKey)
	}
	var k MasterKey
	if len(raw) != len(k.key) {
		return MasterKey{}, fmt.Errorf("parse master key: %d bytes; expected the base64 of 32: %w", len(raw), ErrMasterKey)
	}
	copy(k.key[:], raw)
	return k, nil
}

// LoadMasterKey reads the master key from a file that only its owner may read. The
// error is [ErrMasterKey] if others may or if the content is malformed, and wraps
// [fs.ErrNotExist] if there is no file.
func LoadMasterKey(path string) (MasterKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("load master key: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return MasterKey{}, fmt.Errorf("load master key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return MasterKey{}, fmt.Errorf("load master key: %s is not a regular file: %w", path, ErrMasterKey)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return MasterKey{}, fmt.Errorf("load master key: %s has mode %04o, so others may use it; mend it with: chmod 600 %s: %w",
			path, info.Mode().Perm(), path, ErrMasterKey)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return MasterKey{}, fmt.Errorf("load master key: %w", err)
	}
	k, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("load %s: %w", path, err)
	}
	return k, nil
}

// CreateMasterKey writes a new random master key to a new file of mode 0600 and
// returns it once it is durable. After a crash the file is complete or absent. Of
// several processes that create it at once one succeeds; the others get
// [fs.ErrExist] and load its file.
func CreateMasterKey(path string) (MasterKey, error) {
	k := NewMasterKey()
	return k, saveMasterKey(path, k)
}

func saveMasterKey(path string, k MasterKey) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("create master key: %w", err)
		}
	}()
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".master-key-*") // mode 0600, opened with O_EXCL
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(base64.StdEncoding.EncodeToString(k.key[:]) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace an existing key.
	if err := os.Link(temp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	return syncDir(dir)
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

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
