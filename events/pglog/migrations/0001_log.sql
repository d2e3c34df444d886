-- +goose Up
CREATE TABLE jangbu_log.log_head (
    one           boolean NOT NULL DEFAULT true,
    position      bigint NOT NULL DEFAULT 0,
    received      bigint NOT NULL DEFAULT 0,
    duplicates    bigint NOT NULL DEFAULT 0,
    dead_lettered bigint NOT NULL DEFAULT 0,
    recorded_at   timestamptz,
    CONSTRAINT log_head_pkey PRIMARY KEY (one),
    CONSTRAINT log_head_one_row CHECK (one),
    CONSTRAINT log_head_not_negative CHECK (position >= 0 AND duplicates >= 0 AND dead_lettered >= 0),
    CONSTRAINT log_head_account CHECK (received = position + duplicates + dead_lettered)
);
COMMENT ON TABLE jangbu_log.log_head IS 'The one row that every write locks first: the last position and the account of what the log was given.';
COMMENT ON COLUMN jangbu_log.log_head.one IS 'Always true: keeps the table to one row.';
COMMENT ON COLUMN jangbu_log.log_head.position IS 'Position of the last event; 0 while the log is empty.';
COMMENT ON COLUMN jangbu_log.log_head.received IS 'Records received: position + duplicates + dead_lettered.';
COMMENT ON COLUMN jangbu_log.log_head.duplicates IS 'Records received that the log or its dead letters held already.';
COMMENT ON COLUMN jangbu_log.log_head.dead_lettered IS 'Records received that became dead letters.';
COMMENT ON COLUMN jangbu_log.log_head.recorded_at IS 'recorded_at of the last event; null while the log is empty. Never goes back.';

INSERT INTO jangbu_log.log_head DEFAULT VALUES;

-- Columns of fixed width come first: no padding, and quick to take apart.
-- The campaign's collation is "C" because the index needs equality only.
CREATE TABLE jangbu_log.events (
    position    bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    type        smallint NOT NULL,
    id          uuid NOT NULL,
    digest      bytea NOT NULL,
    campaign    text COLLATE "C" NOT NULL,
    payload     text NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (position),
    CONSTRAINT events_identity UNIQUE (campaign, id)
);
COMMENT ON TABLE jangbu_log.events IS 'The append-only log: one row per event, never updated, never deleted.';
COMMENT ON COLUMN jangbu_log.events.position IS 'Place in the log: 1, 2, 3, ... in commit order, without a gap.';
COMMENT ON COLUMN jangbu_log.events.occurred_at IS 'When it happened: the event''s own time, else its record''s timestamp.';
COMMENT ON COLUMN jangbu_log.events.recorded_at IS 'When it was appended, by this database''s clock; never before that of an earlier position.';
COMMENT ON COLUMN jangbu_log.events.type IS '1 EventCreated, 2 ParticipantRegistered, 3 DistributionCompleted, 4 ChannelStatsFetched.';
COMMENT ON COLUMN jangbu_log.events.id IS 'Identity within the campaign: the producer''s own id, else a hash of the natural key.';
COMMENT ON COLUMN jangbu_log.events.digest IS '32 bytes: 16 over what the producer sent save the phone number, 16 over the pseudonym (zero: none).';
COMMENT ON COLUMN jangbu_log.events.campaign IS 'The campaign that the event is about; eventId on the wire.';
COMMENT ON COLUMN jangbu_log.events.payload IS 'The event in canonical JSON. Holds a pseudonym, never a phone number.';

CREATE TABLE jangbu_log.dead_letters (
    id               uuid NOT NULL,
    topic            text NOT NULL,
    part             integer NOT NULL,
    record_offset    bigint NOT NULL,
    record_timestamp timestamptz NOT NULL,
    reason           text NOT NULL,
    detail           text NOT NULL,
    sealed           bytea NOT NULL,
    buried_at        timestamptz NOT NULL,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
);
CREATE INDEX dead_letters_newest ON jangbu_log.dead_letters (buried_at DESC, id DESC);
CREATE INDEX dead_letters_newest_by_reason ON jangbu_log.dead_letters (reason, buried_at DESC, id DESC);
COMMENT ON TABLE jangbu_log.dead_letters IS 'Records that can never become events, kept and sealed.';
COMMENT ON COLUMN jangbu_log.dead_letters.id IS 'The same for every delivery of one record.';
COMMENT ON COLUMN jangbu_log.dead_letters.topic IS 'Kafka topic of the record.';
COMMENT ON COLUMN jangbu_log.dead_letters.part IS 'Kafka partition of the record.';
COMMENT ON COLUMN jangbu_log.dead_letters.record_offset IS 'Kafka offset of the record.';
COMMENT ON COLUMN jangbu_log.dead_letters.record_timestamp IS 'The record''s own timestamp.';
COMMENT ON COLUMN jangbu_log.dead_letters.reason IS 'malformed, unknown-type or conflict.';
COMMENT ON COLUMN jangbu_log.dead_letters.detail IS 'Which field, what was wrong, what was expected; holds no value of the record.';
COMMENT ON COLUMN jangbu_log.dead_letters.sealed IS 'The whole record under AES-256-GCM.';
COMMENT ON COLUMN jangbu_log.dead_letters.buried_at IS 'When it was first buried, by this database''s clock.';

COMMENT ON SCHEMA jangbu_log IS 'The event log of Jangbu and its dead letters.';
COMMENT ON TABLE jangbu_log.goose_db_version IS 'Which migrations of this schema have been applied.';
