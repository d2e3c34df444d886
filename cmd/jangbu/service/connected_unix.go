//go:build unix

package service

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// connected returns the two ends of a connection that no other process can reach.
func connected() (one, other net.Conn, err error) {
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	one, err = connOf(ends[0])
	other, otherErr := connOf(ends[1])
	if err := errors.Join(err, otherErr); err != nil {
		for _, c := range []net.Conn{one, other} {
			if c != nil {
				_ = c.Close()
			}
		}
		return nil, nil, err
	}
	return one, other, nil
}

// connOf returns the connection of a socket, which it takes over.
func connOf(socket int) (net.Conn, error) {
	file := os.NewFile(uintptr(socket), "socketpair")
	defer func() { _ = file.Close() }() // the connection has a copy
	return net.FileConn(file)
}
