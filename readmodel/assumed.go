package readmodel

import (
	"crypto/sha256"
	"errors"

	"jangbu/events"
)

// ErrAssumed says that rows rest on assumptions of an analyst: they are the fold of no log, and are
// not served.
var ErrAssumed = errors.New("the rows rest on assumptions (replay --set), and are for SQL alone")

// AssumedLink is the Link of a [Checkpoint] whose rows rest on assumptions. No log has it: it is the
// hash of a text, and the link of a log is that of a link and of an event's digest.
func AssumedLink() events.Link { return sha256.Sum256([]byte("jangbu: rows that rest on assumptions")) }
