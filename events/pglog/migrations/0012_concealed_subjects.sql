-- +goose Up
-- Subjects that identify persons are hashed. No key is at hand here: the service, and token
-- withdraw, hash those that earlier releases kept in plain.
ALTER TABLE jangbu_log.withdrawn_rights
    ADD COLUMN subject_key  bytea,
    ADD COLUMN subject_hash bytea,
    ADD CONSTRAINT withdrawn_rights_subject CHECK (CASE WHEN subject = ''
        THEN subject_key IS NOT NULL AND octet_length(subject_key) = 8 AND subject_hash IS NOT NULL AND octet_length(subject_hash) = 32
        ELSE subject_key IS NULL AND subject_hash IS NULL END);
COMMENT ON COLUMN jangbu_log.withdrawn_rights.subject IS 'The subject of the tokens; empty: it identifies a person, and is hashed.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.subject_key IS 'The ID of the key that the subject is hashed with; null: it is not.';
COMMENT ON COLUMN jangbu_log.withdrawn_rights.subject_hash IS 'HMAC-SHA-256 of the subject; null: it is not hashed.';
