-- +goose Up
-- The next migration makes the table of events one of segments.
CREATE TABLE jangbu_log.segments (
    first bigint NOT NULL,
    last  bigint NOT NULL,
    CONSTRAINT segments_pkey PRIMARY KEY (last),
    CONSTRAINT segments_positions CHECK (first BETWEEN 1 AND last)
);
COMMENT ON TABLE jangbu_log.segments IS 'The partitions of events: jangbu_log.events_N ends with position N. Together they hold all positions from 1 on.';
COMMENT ON COLUMN jangbu_log.segments.first IS 'The first position of the segment.';
COMMENT ON COLUMN jangbu_log.segments.last IS 'The last position of the segment; its number.';

CREATE TABLE jangbu_log.filters (
    first    bigint NOT NULL,
    last     bigint NOT NULL,
    position bigint NOT NULL,
    link     bytea NOT NULL,
    bits     bytea NOT NULL,
    CONSTRAINT filters_pkey PRIMARY KEY (last),
    CONSTRAINT filters_positions CHECK (first >= 1 AND last >= first AND position >= last)
);
ALTER TABLE jangbu_log.filters ALTER COLUMN bits SET STORAGE EXTERNAL; -- bits that cannot be compressed
COMMENT ON TABLE jangbu_log.filters IS 'What tells which identities are not among the events of some positions. Made again where a row is missing.';
COMMENT ON COLUMN jangbu_log.filters.first IS 'The first of the positions.';
COMMENT ON COLUMN jangbu_log.filters.last IS 'The last of the positions, which are of one segment.';
COMMENT ON COLUMN jangbu_log.filters.position IS 'Position of the first link after them.';
COMMENT ON COLUMN jangbu_log.filters.link IS 'That link: the filter is of the log only while it has this link there.';
COMMENT ON COLUMN jangbu_log.filters.bits IS 'A Bloom filter of campaign and id, two bytes for each position.';

ALTER TABLE jangbu_log.log_head ADD COLUMN renamed uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
COMMENT ON COLUMN jangbu_log.log_head.renamed IS 'Another one each time that the campaign of events is overwritten: processes then read their filters again.';

-- +goose StatementBegin
CREATE FUNCTION jangbu_log.grant_alike(of regclass, on_table regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT a.privilege_type, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee,
            CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = of AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON %s TO %s%s', granted.privilege_type, on_table, granted.grantee, granted.option);
    END LOOP;
    EXECUTE format('ALTER TABLE %s OWNER TO %s', on_table, (SELECT relowner::regrole FROM pg_class WHERE oid = of));
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION jangbu_log.grant_alike IS 'Grants on a table what is granted on another one.';

-- A second caller finds it added. ATTACH lets others read and write events meanwhile.
-- +goose StatementBegin
CREATE FUNCTION jangbu_log.add_segment(begins bigint, ends bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := format('events_%s', ends);
BEGIN
    LOCK TABLE jangbu_log.segments IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM jangbu_log.segments WHERE last >= begins) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE jangbu_log.%I (LIKE jangbu_log.events INCLUDING ALL, CONSTRAINT %I UNIQUE (campaign, id))', name, name || '_identity');
    EXECUTE format('COMMENT ON TABLE jangbu_log.%I IS %L', name, format('The events from position %s through %s.', begins, ends));
    EXECUTE format('ALTER TABLE jangbu_log.events ATTACH PARTITION jangbu_log.%I FOR VALUES FROM (%s) TO (%s)', name, begins, ends + 1);
    PERFORM jangbu_log.grant_alike('jangbu_log.events', format('jangbu_log.%I', name)::regclass);
    INSERT INTO jangbu_log.segments (first, last) VALUES (begins, ends);
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION jangbu_log.add_segment IS 'Adds the segment from one position through another, unless there is one.';

-- A program of before segments compares the identities of an append with those of one segment only.
-- +goose StatementBegin
CREATE FUNCTION jangbu_log.refuse_append() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM jangbu_log.log_head WHERE xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'the log is kept in segments: run a newer program' USING ERRCODE = 'feature_not_supported';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION jangbu_log.refuse_append IS 'Refuses an append to the whole table of events by a program that does not know segments.';
