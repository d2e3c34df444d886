-- +goose Up

-- Position of the last event of an import that has not come to it; 0 where none is under
-- way. Until then nothing else is appended.
ALTER TABLE log_head ADD COLUMN restoring INTEGER NOT NULL DEFAULT 0 CHECK (restoring >= 0);
