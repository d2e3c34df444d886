-- +goose Up

-- The Kafka records that the transaction's events came from, as runs of offsets; null where
-- none came from one, or the row is of before this column.
ALTER TABLE links ADD COLUMN origins BLOB;
