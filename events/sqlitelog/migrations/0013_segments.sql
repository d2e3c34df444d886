-- +goose Up

-- The next migration takes the identities of events out of their table. Each segment of positions
-- has a table of its own of them, identities_N of the segment that ends with position N.
CREATE TABLE segments (
    first INTEGER NOT NULL, -- the first position of the segment
    last  INTEGER NOT NULL, -- its last position; its number
    CONSTRAINT segments_pkey PRIMARY KEY (last),
    CONSTRAINT segments_positions CHECK (first BETWEEN 1 AND last)
) STRICT;

-- What tells which identities are not among the events of some positions. Made again where a row
-- is missing.
CREATE TABLE filters (
    first    INTEGER NOT NULL, -- the first of the positions
    last     INTEGER NOT NULL, -- the last of the positions, which are of one segment
    position INTEGER NOT NULL, -- of the first link after them
    link     BLOB NOT NULL,    -- that link: the filter is of the log only while it has this link there
    bits     BLOB NOT NULL,    -- a Bloom filter of campaign and id, two bytes for each position
    CONSTRAINT filters_pkey PRIMARY KEY (last),
    CONSTRAINT filters_positions CHECK (first >= 1 AND last >= first AND position >= last)
) STRICT;

-- Another one each time that the campaign of events is overwritten: processes then read their
-- filters again.
ALTER TABLE log_head ADD COLUMN renamed BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
