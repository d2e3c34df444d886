package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Away reports whether err says that the server cannot be reached, ended the connection, or lacks
// what every statement needs (connections, disk, memory): that there was no answer, and not that
// it was a refusal.
func Away(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // of the caller, who knows better why
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch answer.Code {
		case "57P01", "57P02", "57P03": // shut down, crashed, starting
			return true
		default: // of the connection; too many of them, a full disk, no memory
			return strings.HasPrefix(answer.Code, "08") || strings.HasPrefix(answer.Code, "53")
		}
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
