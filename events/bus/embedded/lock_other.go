//go:build !unix

package embedded

import (
	"errors"
	"io/fs"
	"os"
)

// lockFile holds the file open: where there is no flock, a file that a process
// has open cannot be removed by another.
func lockFile(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, ErrInUse
	}
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
