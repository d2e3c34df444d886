-- +goose Up
ALTER TABLE jangbu_log.log_head
    ADD COLUMN discarded bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT log_head_discarded CHECK (discarded BETWEEN 0 AND dead_lettered);
COMMENT ON COLUMN jangbu_log.log_head.discarded IS 'Dead letters that were discarded; they are among dead_lettered.';

-- Topics sort by their bytes, as on every other store.
ALTER TABLE jangbu_log.dead_letters
    ALTER COLUMN topic TYPE text COLLATE "C",
    ADD COLUMN discarded_at timestamptz,
    ADD COLUMN discarded_by text,
    ADD COLUMN discarded_why text,
    ADD CONSTRAINT dead_letters_discarded CHECK (
        num_nulls(discarded_at, discarded_by, discarded_why) = 3
        OR num_nulls(discarded_at, discarded_by, discarded_why) = 0 AND sealed = '');
COMMENT ON COLUMN jangbu_log.dead_letters.sealed IS 'The whole record under AES-256-GCM; empty once it was discarded.';
COMMENT ON COLUMN jangbu_log.dead_letters.discarded_at IS 'When it was given up, by this database''s clock; null while it waits.';
COMMENT ON COLUMN jangbu_log.dead_letters.discarded_by IS 'Who gave it up.';
COMMENT ON COLUMN jangbu_log.dead_letters.discarded_why IS 'Why it was given up.';
COMMENT ON TABLE jangbu_log.dead_letters IS 'Records that could not become events, kept and sealed until they are revived or discarded.';

CREATE INDEX dead_letters_waiting ON jangbu_log.dead_letters (topic, part, record_offset, id) WHERE discarded_at IS NULL;

-- Counting by reason reads this index alone.
DROP INDEX jangbu_log.dead_letters_newest_by_reason;
CREATE INDEX dead_letters_newest_by_reason ON jangbu_log.dead_letters (reason, buried_at DESC, id DESC) INCLUDE (discarded_at);
