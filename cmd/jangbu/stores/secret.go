package stores

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"jangbu/events/privacy"
)

// maxSecretBytes bounds the file of a secret.
const maxSecretBytes = 4096

// ReadSecret reads a secret, which may be any but an empty one, from a file that only its
// owner may read, without white space around it.
func ReadSecret(path string) ([]byte, error) {
	text, err := readOwn(path, maxSecretBytes)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	secret := bytes.TrimSpace(text)
	if len(secret) == 0 {
		return nil, fmt.Errorf("read secret: %s holds 0 bytes", path)
	}
	return secret, nil
}

// readOwn reads a file of at most so many bytes that only its owner may read.
func readOwn(path string, most int64) ([]byte, error) {
	// Without O_NONBLOCK, opening a pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New(path + " is not a regular file")
	}
	if err := privacy.CheckSecretFile(path, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return text, nil
}
