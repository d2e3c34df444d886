-- +goose Up
CREATE TABLE jangbu_log.erasures (
    campaign  text COLLATE "C" NOT NULL,
    erased_at timestamptz NOT NULL,
    positions bigint[] NOT NULL,
    who       text NOT NULL,
    why       text NOT NULL,
    CONSTRAINT erasures_pkey PRIMARY KEY (campaign, erased_at)
);
COMMENT ON TABLE jangbu_log.erasures IS 'Who erased which registrations, and why. It names no person. An event in its erased form whose position no row has is damage.';
COMMENT ON COLUMN jangbu_log.erasures.campaign IS 'The campaign of the registrations.';
COMMENT ON COLUMN jangbu_log.erasures.erased_at IS 'When, by this database''s clock.';
COMMENT ON COLUMN jangbu_log.erasures.positions IS 'Positions of the events that were overwritten; empty where the campaign''s key was destroyed.';
COMMENT ON COLUMN jangbu_log.erasures.who IS 'Who erased them.';
COMMENT ON COLUMN jangbu_log.erasures.why IS 'Why they were erased.';
COMMENT ON TABLE jangbu_log.events IS 'The append-only log: one row per event, never deleted, and updated only where its person is erased.';
COMMENT ON COLUMN jangbu_log.events.digest IS '32 bytes: 16 over what the producer sent save the phone number, which tell a duplicate from a conflict; 16 over the pseudonym (zero: none) or, once its person is erased, over the others and what is left, which only find damage.';
