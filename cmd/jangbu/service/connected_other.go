//go:build !unix

package service

import (
	"errors"
	"net"
)

// connected returns the two ends of a connection over loopback. Another process may meet the
// listener, and is turned away.
func connected() (one, other net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = l.Close() }()
	if one, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	for {
		if other, err = l.Accept(); err != nil {
			return nil, nil, errors.Join(err, one.Close())
		}
		if other.RemoteAddr().String() == one.LocalAddr().String() {
			return one, other, nil
		}
		_ = other.Close()
	}
}
