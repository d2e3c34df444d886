-- +goose Up

-- Who erased which registrations, and why. It names no person. An event in its erased form
-- whose position no row has is damage.
CREATE TABLE erasures (
    campaign  TEXT NOT NULL,    -- of the registrations
    erased_at INTEGER NOT NULL, -- when
    positions TEXT NOT NULL,    -- JSON array of those of the events that were overwritten; empty where the campaign's key was destroyed
    who       TEXT NOT NULL,    -- who erased them
    why       TEXT NOT NULL,    -- why they were erased
    CONSTRAINT erasures_pkey PRIMARY KEY (campaign, erased_at)
) STRICT;
