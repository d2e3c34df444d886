-- +goose Up
ALTER TABLE jangbu_log.log_head ADD COLUMN restoring bigint NOT NULL DEFAULT 0 CHECK (restoring >= 0);
COMMENT ON COLUMN jangbu_log.log_head.restoring IS 'Position of the last event of an import that has not come to it; 0 where none is under way. Until then nothing else is appended.';
