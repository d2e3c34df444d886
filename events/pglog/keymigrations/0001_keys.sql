-- +goose Up
CREATE TABLE jangbu_keys.campaign_keys (
    campaign     text COLLATE "C" NOT NULL,
    wrapped      bytea NOT NULL,
    added_at     timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT campaign_keys_pkey PRIMARY KEY (campaign),
    CONSTRAINT campaign_keys_destroyed CHECK ((destroyed_at IS NOT NULL) = (wrapped = ''))
);
COMMENT ON TABLE jangbu_keys.campaign_keys IS 'The key under which a campaign''s phone numbers become pseudonyms, wrapped by the master key.';
COMMENT ON COLUMN jangbu_keys.campaign_keys.campaign IS 'The campaign; the empty one holds the value by which a wrong master key is recognised.';
COMMENT ON COLUMN jangbu_keys.campaign_keys.wrapped IS 'The wrapped key; empty once it has been destroyed.';
COMMENT ON COLUMN jangbu_keys.campaign_keys.added_at IS 'When the entry was made, by this database''s clock.';
COMMENT ON COLUMN jangbu_keys.campaign_keys.destroyed_at IS 'When the key was destroyed; null while it is in use.';

COMMENT ON SCHEMA jangbu_keys IS 'Keys of Jangbu''s campaigns, kept apart from the log.';
COMMENT ON TABLE jangbu_keys.goose_db_version IS 'Which migrations of this schema have been applied.';
