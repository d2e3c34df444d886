-- +goose Up

-- Dead letters that were discarded; they are among dead_lettered.
ALTER TABLE log_head ADD COLUMN discarded INTEGER NOT NULL DEFAULT 0
    CONSTRAINT log_head_discarded CHECK (discarded BETWEEN 0 AND dead_lettered);

-- When, by whom and why a letter was discarded; null while it waits.
ALTER TABLE dead_letters ADD COLUMN discarded_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN discarded_by TEXT
    CONSTRAINT dead_letters_discarded_by CHECK ((discarded_by IS NULL) = (discarded_at IS NULL));
ALTER TABLE dead_letters ADD COLUMN discarded_why TEXT
    CONSTRAINT dead_letters_discarded_why CHECK ((discarded_why IS NULL) = (discarded_at IS NULL) AND (discarded_at IS NULL OR sealed = x''));

CREATE INDEX dead_letters_waiting ON dead_letters (topic, part, record_offset, id) WHERE discarded_at IS NULL;

-- Counting by reason reads this index alone.
DROP INDEX dead_letters_newest_by_reason;
CREATE INDEX dead_letters_newest_by_reason ON dead_letters (reason, buried_at DESC, id DESC, discarded_at);
