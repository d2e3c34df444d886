//go:build !linux

package postgres

import "syscall"

// endUnacknowledged changes nothing: keepalives alone end a connection here.
func endUnacknowledged(string, string, syscall.RawConn) error { return nil }
