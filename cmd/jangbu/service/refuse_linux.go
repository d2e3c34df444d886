package service

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// refuseNew has the kernel take no further connection for a listener that goes on accepting those
// that are established or about to be. It drops their first segment, so that a client is refused
// when it sends that again after the close, and never reset.
func refuseNew(l *net.TCPListener) error {
	const flags, syn = 13, 0x02 // in the header of a segment (RFC 9293, 3.1)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return fmt.Errorf("refuse connections: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("refuse connections: %w", err)
	}
	return nil
}
