//go:build unix

package privacy

import (
	"io/fs"
	"os"
	"slices"
	"syscall"
)

func ownerOf(info fs.FileInfo) (owner, group int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), true
}

// ofProcess reports whether this process, which is not root's, has a group.
func ofProcess(group int) bool {
	groups, err := os.Getgroups()
	return os.Geteuid() != 0 && err == nil && (group == os.Getegid() || slices.Contains(groups, group))
}
