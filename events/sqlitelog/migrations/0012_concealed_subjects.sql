-- +goose Up

-- Subjects that identify persons are hashed, and their subject is empty. No key is at hand here:
-- the service, and token withdraw, hash those that earlier releases kept in plain.

-- The ID of the key that the subject is hashed with; null: it is not.
ALTER TABLE withdrawn_rights ADD COLUMN subject_key BLOB CHECK (CASE WHEN subject = '' THEN subject_key IS NOT NULL AND length(subject_key) = 8 ELSE subject_key IS NULL END);
-- HMAC-SHA-256 of the subject; null: it is not hashed.
ALTER TABLE withdrawn_rights ADD COLUMN subject_hash BLOB CHECK (CASE WHEN subject = '' THEN subject_hash IS NOT NULL AND length(subject_hash) = 32 ELSE subject_hash IS NULL END);
