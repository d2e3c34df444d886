-- +goose Up

-- Which rights to read were taken from subjects whose tokens go on.
CREATE TABLE withdrawn_rights (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- tells records of the same time apart
    withdrawn_at INTEGER NOT NULL,                  -- when, in microseconds since 1970, never before that of an earlier record: tokens issued later keep the right
    subject      TEXT NOT NULL,                     -- the subject of the tokens
    shop         TEXT NOT NULL,                     -- the shop whose campaigns they may not read any more; empty: all
    who          TEXT NOT NULL,                     -- who withdrew it: user@host, or the name that was given
    why          TEXT NOT NULL                      -- why it was withdrawn
) STRICT;
CREATE INDEX withdrawn_rights_withdrawn_at ON withdrawn_rights (withdrawn_at);
