-- +goose Up
CREATE TABLE jangbu_log.accesses (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    accessed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    command     text NOT NULL,
    subject     text NOT NULL,
    who         text NOT NULL,
    why         text NOT NULL,
    CONSTRAINT accesses_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE jangbu_log.accesses IS 'What operators copied out of the log, opened or changed beside it. It names no person whom events are about.';
COMMENT ON COLUMN jangbu_log.accesses.id IS 'Orders the records.';
COMMENT ON COLUMN jangbu_log.accesses.accessed_at IS 'When it was begun, by this database''s clock.';
COMMENT ON COLUMN jangbu_log.accesses.command IS 'What was done, as the command line names it.';
COMMENT ON COLUMN jangbu_log.accesses.subject IS 'What it was done to.';
COMMENT ON COLUMN jangbu_log.accesses.who IS 'Who did it: user@host, or the name that was given.';
COMMENT ON COLUMN jangbu_log.accesses.why IS 'Why; empty where the command does not ask for it.';
