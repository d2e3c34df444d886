-- +goose Up
ALTER TABLE jangbu_log.links ADD COLUMN origins bytea;
COMMENT ON COLUMN jangbu_log.links.origins IS 'The Kafka records that the transaction''s events came from, as runs of offsets. Null where none came from one, or the row is of before this column.';
