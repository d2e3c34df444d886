-- +goose Up

-- A migration and its row here are one transaction: where two processes try
-- the same one, this index makes the second roll back.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);

-- The key under which a campaign's phone numbers become pseudonyms, wrapped by
-- the master key. Times are microseconds of Unix time.
CREATE TABLE campaign_keys (
    campaign     TEXT NOT NULL,    -- the empty one holds the value by which a wrong master key is recognised
    wrapped      BLOB NOT NULL,    -- the wrapped key; empty once it has been destroyed
    added_at     INTEGER NOT NULL, -- when the entry was made
    destroyed_at INTEGER,          -- when the key was destroyed; null while it is in use
    CONSTRAINT campaign_keys_pkey PRIMARY KEY (campaign),
    CONSTRAINT campaign_keys_destroyed CHECK ((destroyed_at IS NOT NULL) = (wrapped = x''))
) STRICT;
