-- +goose Up

-- The descriptions and withdrawals of a campaign, which are few.
CREATE INDEX events_rare ON jangbu_log.events (campaign, position) WHERE type IN (1, 5);

COMMENT ON COLUMN jangbu_log.events.type IS '1 EventCreated, 2 ParticipantRegistered, 3 DistributionCompleted, 4 ChannelStatsFetched, 5 EventsWithdrawn.';
