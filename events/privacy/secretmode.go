package privacy

import (
	"fmt"
	"io/fs"
)

// CheckSecretFile returns an error unless a file with a secret can be read by its owner only. One
// that belongs to root may be read by a group of this process, too, which Kubernetes gives to a pod
// alone: the files of its secrets are always root's.
func CheckSecretFile(path string, info fs.FileInfo) error {
	owner, group, known := ownerOf(info)
	if mode := info.Mode().Perm(); !own(mode, known && owner == 0, known && ofProcess(group)) {
		return fmt.Errorf("%s has mode %04o, so others may use it; mend it with: chmod 600 %s", path, mode, path)
	}
	return nil
}

// own reports whether a file of the mode can be read by its owner only, or by root and the group of
// this process.
func own(mode fs.FileMode, ofRoot, ofGroup bool) bool {
	return mode&0o077 == 0 || ofRoot && ofGroup && mode&0o037 == 0
}
