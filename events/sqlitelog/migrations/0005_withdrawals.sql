-- +goose Up

-- The descriptions (type 1) and withdrawals (5) of a campaign, which are few.
CREATE INDEX events_rare ON events (campaign, position) WHERE type IN (1, 5);
