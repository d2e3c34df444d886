-- +goose Up
CREATE TABLE jangbu_log.withdrawn_rights (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    withdrawn_at timestamptz NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    shop         text COLLATE "C" NOT NULL,
    who          text NOT NULL,
    why          text NOT NULL,
    CONSTRAINT withdrawn_rights_pkey PRIMARY KEY (id)
);
CREATE INDEX withdrawn_rights_withdrawn_at ON jangbu_log.withdrawn_rights (withdrawn_at);
COMMENT ON TABLE jangbu_log.withdrawn_rights IS 'Which rights to read were taken from subjects whose tokens go on.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.id IS 'Tells records of the same time apart.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.withdrawn_at IS 'When, by this database''s clock, never before that of an earlier record: tokens issued later keep the right.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.subject IS 'The subject of the tokens.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.shop IS 'The shop whose campaigns they may not read any more; empty: all.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.who IS 'Who withdrew it: user@host, or the name that was given.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.why IS 'Why it was withdrawn.';
