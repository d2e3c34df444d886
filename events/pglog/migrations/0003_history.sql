-- +goose Up
CREATE TABLE jangbu_log.links (
    position bigint NOT NULL,
    link     bytea NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (position)
);
COMMENT ON TABLE jangbu_log.links IS 'The log''s hash chain: one row per transaction that appended events.';
COMMENT ON COLUMN jangbu_log.links.position IS 'Position of the transaction''s last event.';
COMMENT ON COLUMN jangbu_log.links.link IS '32 bytes: SHA-256 of the link after the event before, and the first 16 bytes of this event''s digest; 32 zero bytes stand before the first event.';

CREATE TABLE jangbu_log.sources (
    topic       text COLLATE "C" NOT NULL,
    part        integer NOT NULL,
    topic_id    uuid NOT NULL,
    next_offset bigint NOT NULL,
    read_at     timestamptz NOT NULL,
    gaps        bigint NOT NULL DEFAULT 0,
    lost        bigint NOT NULL DEFAULT 0,
    gap_at      timestamptz,
    CONSTRAINT sources_pkey PRIMARY KEY (topic, part),
    CONSTRAINT sources_not_negative CHECK (next_offset >= 0 AND gaps >= 0 AND lost >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE jangbu_log.sources IS 'How far each Kafka partition has been read. Written by the transactions that append what was read.';
COMMENT ON COLUMN jangbu_log.sources.topic IS 'Name of the topic.';
COMMENT ON COLUMN jangbu_log.sources.part IS 'Number of the partition.';
COMMENT ON COLUMN jangbu_log.sources.topic_id IS 'Distinguishes the topic from an earlier one of the same name; zero where the broker gives none.';
COMMENT ON COLUMN jangbu_log.sources.next_offset IS 'Offset of the next record to read: those before it are in the log or dead letters.';
COMMENT ON COLUMN jangbu_log.sources.read_at IS 'When next_offset was last written, by this database''s clock.';
COMMENT ON COLUMN jangbu_log.sources.gaps IS 'Gaps found: offsets that were gone before they were read, and topics made anew.';
COMMENT ON COLUMN jangbu_log.sources.lost IS 'Records in these gaps, at most.';
COMMENT ON COLUMN jangbu_log.sources.gap_at IS 'When the last gap was found; null without one.';

-- Without a default, so that a program of before this column, which writes no links, cannot append.
ALTER TABLE jangbu_log.events ADD COLUMN form smallint NOT NULL DEFAULT 1;
ALTER TABLE jangbu_log.events ALTER COLUMN form DROP DEFAULT;
COMMENT ON COLUMN jangbu_log.events.form IS 'Version of the stored form: 1 may hold members that the contract does not list, 2 holds none.';
COMMENT ON COLUMN jangbu_log.events.digest IS '32 bytes: 16 over what the producer sent save the phone number, which tell a duplicate from a conflict; 16 over the pseudonym (zero: none), which only find damage.';
COMMENT ON COLUMN jangbu_log.events.id IS 'Identity within the campaign: of a registration a hash of its participant; else the producer''s own id, or a hash of the natural key.';
