-- +goose Up

-- The log's hash chain: one row per transaction that appended events.
CREATE TABLE links (
    position INTEGER NOT NULL, -- of the transaction's last event
    link     BLOB NOT NULL,    -- SHA-256 of the link after the event before, and the first 16 bytes of this event's digest
    CONSTRAINT links_pkey PRIMARY KEY (position)
) STRICT;

-- How far each Kafka partition has been read. Written by the transactions that append
-- what was read.
CREATE TABLE sources (
    topic       TEXT NOT NULL,
    part        INTEGER NOT NULL,
    topic_id    BLOB NOT NULL,              -- distinguishes the topic from an earlier one of the same name
    next_offset INTEGER NOT NULL,           -- of the next record to read
    read_at     INTEGER NOT NULL,           -- when next_offset was last written
    gaps        INTEGER NOT NULL DEFAULT 0, -- offsets that were gone before they were read, and topics made anew
    lost        INTEGER NOT NULL DEFAULT 0, -- records in these gaps, at most
    gap_at      INTEGER,                    -- when the last gap was found; null without one
    CONSTRAINT sources_pkey PRIMARY KEY (topic, part),
    CONSTRAINT sources_not_negative CHECK (next_offset >= 0 AND gaps >= 0 AND lost >= 0)
) STRICT;

-- Version of the stored form: 1 may hold members that the contract does not list, 2 holds
-- none.
ALTER TABLE events ADD COLUMN form INTEGER NOT NULL DEFAULT 1;

-- The head is linked. A program of before the chain adds no links; this keeps it from
-- appending.
-- +goose StatementBegin
CREATE TRIGGER log_head_linked BEFORE UPDATE OF position ON log_head
WHEN NEW.position > OLD.position AND NOT EXISTS (SELECT 1 FROM links WHERE position = NEW.position)
BEGIN
    SELECT RAISE(ABORT, 'a newer program keeps this log: the head has no link');
END;
-- +goose StatementEnd
