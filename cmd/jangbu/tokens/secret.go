package tokens

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"jangbu/cmd/jangbu/stores"
	"jangbu/httpapi/auth"
)

// readSecret reads a secret from a file that only its owner may read.
func readSecret(path string) ([]byte, error) {
	secret, err := stores.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	if len(secret) < auth.MinSecretBytes {
		return nil, fmt.Errorf("read secret: %s holds %d bytes; expected at least %d: make one with: (umask 077 && head -c 32 /dev/urandom | base64 > FILE)",
			path, len(secret), auth.MinSecretBytes)
	}
	return secret, nil
}

// ReadSecrets reads the secrets that --jwt-secret-file names, each [KID=]FILE.
func ReadSecrets(named []string) ([]auth.Secret, error) {
	all := make([]auth.Secret, len(named))
	for i, name := range named {
		id, path := cutFile(name)
		text, err := readSecret(path)
		if err != nil {
			return nil, err
		}
		all[i] = auth.Secret{ID: id, Text: text}
	}
	return all, nil
}

// cutFile cuts [KID=]FILE. What is before the first = is a path where it has a slash.
func cutFile(name string) (id, path string) {
	if id, path, ok := strings.Cut(name, "="); ok && !strings.Contains(id, "/") {
		return id, path
	}
	return "", name
}

// CreateSecret writes a random secret to a file that must not exist yet.
func CreateSecret(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create secret: %w", err)
	}
	secret := make([]byte, auth.MinSecretBytes)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // incomplete
		return fmt.Errorf("create secret: %w", err)
	}
	return nil
}
