package privacy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// parseSecret parses the base64 of a key. It ignores white space around it.
func parseSecret(text string) (key [keyBytes]byte, err error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return key, errors.New("not base64; expected the base64 of 32 bytes")
	}
	if len(raw) != len(key) {
		return key, fmt.Errorf("%d bytes; expected the base64 of 32", len(raw))
	}
	copy(key[:], raw)
	return key, nil
}

// loadSecret reads a key from a file that only its owner may read. The error wraps wrong if
// others may or if the content is malformed, and [fs.ErrNotExist] if there is no file.
func loadSecret(path string, wrong error) (key [keyBytes]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return key, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return key, err
	}
	if !info.Mode().IsRegular() {
		return key, fmt.Errorf("%s is not a regular file: %w", path, wrong)
	}
	if err := CheckSecretFile(path, info); err != nil {
		return key, fmt.Errorf("%w: %w", err, wrong)
	}
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return key, err
	}
	if key, err = parseSecret(string(text)); err != nil {
		return key, fmt.Errorf("%s: %w: %w", path, err, wrong)
	}
	return key, nil
}

// saveSecret writes a key to a new file of mode 0600 and returns once it is durable. After
// a crash the file is complete or absent. Where there is a file the error is [fs.ErrExist].
func saveSecret(path string, key [keyBytes]byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".key-*") // mode 0600, opened with O_EXCL
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
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

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
