-- +goose Up

-- A migration and its row here are one transaction: where two processes try
-- the same one, this index makes the second roll back.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);

-- The one row that every write reads first: the last position and the account
-- of what the log was given. Times here and below are microseconds of Unix time.
CREATE TABLE log_head (
    one           INTEGER NOT NULL DEFAULT 1, -- always 1: keeps the table to one row
    position      INTEGER NOT NULL DEFAULT 0, -- of the last event; 0 while the log is empty
    received      INTEGER NOT NULL DEFAULT 0, -- records received: position + duplicates + dead_lettered
    duplicates    INTEGER NOT NULL DEFAULT 0, -- records that the log or its dead letters held already
    dead_lettered INTEGER NOT NULL DEFAULT 0, -- records that became dead letters
    recorded_at   INTEGER,                    -- of the last event; null while the log is empty; never goes back
    CONSTRAINT log_head_pkey PRIMARY KEY (one),
    CONSTRAINT log_head_one_row CHECK (one = 1),
    CONSTRAINT log_head_not_negative CHECK (position >= 0 AND duplicates >= 0 AND dead_lettered >= 0),
    CONSTRAINT log_head_account CHECK (received = position + duplicates + dead_lettered)
) STRICT;

INSERT INTO log_head DEFAULT VALUES;

-- The append-only log: one row per event, never updated, never deleted.
CREATE TABLE events (
    position    INTEGER NOT NULL, -- place in the log: 1, 2, 3, ... in commit order, without a gap
    occurred_at INTEGER NOT NULL, -- the event's own time, else its record's timestamp
    recorded_at INTEGER NOT NULL, -- when it was appended; never before that of an earlier position
    type        INTEGER NOT NULL, -- 1 EventCreated, 2 ParticipantRegistered, 3 DistributionCompleted, 4 ChannelStatsFetched
    id          BLOB NOT NULL,    -- identity within the campaign: the producer's own id, else a hash of the natural key
    digest      BLOB NOT NULL,    -- 32 bytes: 16 over what the producer sent save the phone number, 16 over the pseudonym (zero: none)
    campaign    TEXT NOT NULL,    -- the campaign that the event is about; eventId on the wire
    payload     TEXT NOT NULL,    -- the event in canonical JSON; holds a pseudonym, never a phone number
    CONSTRAINT events_pkey PRIMARY KEY (position),
    CONSTRAINT events_identity UNIQUE (campaign, id)
) STRICT;

-- Records that can never become events, kept and sealed.
CREATE TABLE dead_letters (
    id               BLOB NOT NULL,    -- the same for every delivery of one record
    topic            TEXT NOT NULL,    -- Kafka topic of the record
    part             INTEGER NOT NULL, -- Kafka partition of the record
    record_offset    INTEGER NOT NULL, -- Kafka offset of the record
    record_timestamp INTEGER NOT NULL, -- the record's own timestamp
    reason           TEXT NOT NULL,    -- malformed, unknown-type or conflict
    detail           TEXT NOT NULL,    -- which field, what was wrong, what was expected; holds no value of the record
    sealed           BLOB NOT NULL,    -- the whole record under AES-256-GCM
    buried_at        INTEGER NOT NULL, -- when it was first buried
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX dead_letters_newest ON dead_letters (buried_at DESC, id DESC);
CREATE INDEX dead_letters_newest_by_reason ON dead_letters (reason, buried_at DESC, id DESC);
