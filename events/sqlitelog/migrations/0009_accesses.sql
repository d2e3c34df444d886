-- +goose Up

-- What operators copied out of the log, opened or changed beside it. It names no person whom
-- events are about.
CREATE TABLE accesses (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- orders the records
    accessed_at INTEGER NOT NULL,                  -- when it was begun, in microseconds since 1970
    command     TEXT NOT NULL,                     -- what was done, as the command line names it
    subject     TEXT NOT NULL,                     -- what it was done to
    who         TEXT NOT NULL,                     -- who did it: user@host, or the name that was given
    why         TEXT NOT NULL                      -- why; empty where the command does not ask for it
) STRICT;
