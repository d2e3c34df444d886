//go:build !unix

package embedded

import (
	"errors"
	"io/fs"
	"os"
)

// lockFile opens the file. A system without flock does not let another process remove an
// open file.
func lockFile(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, ErrInUse
	}
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
