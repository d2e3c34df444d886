-- Rows of the projections, and what serving and building them needs. The rows are
-- derived from the log: after the file is deleted a rebuild restores them. The record of
-- operations is lost.
--
-- Times are whole microseconds since 1970-01-01 UTC. To read them:
--   SELECT datetime(updated_at / 1000000, 'unixepoch', '+9 hours') FROM event_stats;
-- Text is ordered by bytes. views.sql has the views, which are to be asked rather than the tables.

CREATE TABLE IF NOT EXISTS store ( -- one row, which makes, with the checkpoints, the revision of the rows
    id          INTEGER PRIMARY KEY CHECK (id = 1),          -- always 1
    incarnation INTEGER NOT NULL,                            -- when the row was made, or the last leader's term began; always higher than before
    edits       INTEGER NOT NULL DEFAULT 0 CHECK (edits >= 0), -- grows by one with each change of served rows other than by folding the next events
    moment      INTEGER                                      -- moment that the rows are as of, in a file that a replay wrote; NULL where they are served, as of now
) STRICT;

CREATE TABLE IF NOT EXISTS generations ( -- one row per generation of a projection, with its checkpoint
    projection TEXT NOT NULL,                           -- name of the projection
    generation INTEGER NOT NULL CHECK (generation > 0), -- number of the generation, from 1; its rows carry it
    version    INTEGER NOT NULL,                        -- version of the fold that built the rows; 0 where rows of a lost history were abandoned and there are none
    position   INTEGER NOT NULL CHECK (position >= 0),  -- checkpoint: the rows equal the fold of the log up to and including this position
    link       BLOB NOT NULL DEFAULT X'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(link) = 32), -- value of the log's hash chain at that position; zero at position 0, and where an earlier program has not stored it
    kept       INTEGER NOT NULL DEFAULT 0,              -- description of the snapshots that were kept from the first event on; 0 where an earlier program kept none
    PRIMARY KEY (projection, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS projections ( -- which generation of each projection is served
    projection        TEXT NOT NULL PRIMARY KEY, -- name of the projection, which is also that of its table of rows
    active_generation INTEGER NOT NULL,          -- the generation that is served; readers use only rows that carry it
    FOREIGN KEY (projection, active_generation)
        REFERENCES generations (projection, generation)
        DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS leases ( -- the holders of leases, under which a task runs in one process at a time
    name       TEXT NOT NULL PRIMARY KEY,          -- name of the lease
    owner      TEXT,                               -- process that holds the lease, or that held it until it expired; NULL once released
    epoch      INTEGER NOT NULL CHECK (epoch > 0), -- grows by one whenever another process takes the lease; commits of an older epoch are refused
    expires_at INTEGER NOT NULL                    -- when another process may take the lease
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS faults ( -- the last failure of the task under a lease; no row where it works
    name  TEXT NOT NULL PRIMARY KEY, -- name of the lease
    owner TEXT NOT NULL,             -- process that failed
    error TEXT NOT NULL,             -- text of the error
    at    INTEGER NOT NULL           -- when it failed
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS standbys ( -- the generation of a projection that was served before the active one, kept for a rollback
    projection TEXT NOT NULL PRIMARY KEY, -- name of the projection
    generation INTEGER NOT NULL,          -- number of the generation
    FOREIGN KEY (projection, generation) REFERENCES generations (projection, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pauses ( -- projections that are not folded further until an operator resumes them
    projection TEXT NOT NULL PRIMARY KEY, -- name of the projection
    act        INTEGER NOT NULL           -- the operation that paused it
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS acts ( -- the operations: what operators, and the audit, ask of projections
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- number of the operation; the oldest that has not ended is carried out
    kind        TEXT NOT NULL,                     -- rebuild, reset, heal, rollback, pause, resume or break
    projections TEXT NOT NULL,                     -- names of the projections, sorted: an array in JSON; empty where a lease was broken
    campaign    TEXT NOT NULL,                     -- the campaign of a reset or a heal; empty for the others
    who         TEXT NOT NULL,                     -- the operator, or the audit, who asked for it
    why         TEXT NOT NULL,                     -- the reason that was given; may be empty
    state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    asked_at    INTEGER NOT NULL,                  -- when it was asked for
    began_at    INTEGER,                           -- when it was first begun
    ended_at    INTEGER,                           -- when it was done, or failed
    owner       TEXT NOT NULL DEFAULT '',          -- process that carries it out, or did last; empty while it waits
    at_position INTEGER NOT NULL DEFAULT 0,        -- position up to which the log is folded for it
    to_position INTEGER NOT NULL DEFAULT 0,        -- position up to which the log has to be folded for it
    error       TEXT NOT NULL DEFAULT '',          -- why it failed; empty otherwise
    lease       TEXT NOT NULL DEFAULT '',          -- name of the lease that was broken; empty for the others
    found       TEXT NOT NULL DEFAULT '',          -- what was served and what is right, where an audit found a campaign wrong, in JSON: the first differences, and how many there were; empty for the others
    CHECK ((ended_at IS NULL) = (state IN ('waiting', 'running')))
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS acts_open ON acts (kind, projections, campaign) WHERE ended_at IS NULL; -- an operation that is asked for again before it ends is one operation

CREATE INDEX IF NOT EXISTS acts_by_kind ON acts (kind, campaign, id); -- the heals, and what has folded their campaigns anew since

CREATE TABLE IF NOT EXISTS event_stats ( -- projection event_stats: one row per campaign
    generation                  INTEGER NOT NULL, -- generation that the row belongs to; see projections.active_generation
    campaign                    TEXT NOT NULL,    -- the campaign, eventId on the wire
    known                       INTEGER NOT NULL CHECK (known IN (0, 1)), -- 0 until the creation of the campaign has been seen
    store                       TEXT NOT NULL,    -- the shop, storeId on the wire; empty while not known
    title                       TEXT NOT NULL,    -- title of the campaign; empty while not known
    objective                   TEXT NOT NULL,    -- objective of the campaign; empty while not known
    starts_at                   INTEGER,          -- start of the campaign; NULL where the owner gave none
    ends_at                     INTEGER,          -- end of the campaign; NULL where the owner gave none
    prize_cost_won              INTEGER,          -- cost of prizes in won; NULL where the owner gave none
    platform_cost_won           INTEGER,          -- cost of the platform in won; NULL where the owner gave none
    expected_sales_increase_won INTEGER,          -- increase of sales that the owner expects, in won; NULL where the owner gave none
    baseline_sales_won          INTEGER,          -- sales without the campaign, in won; NULL where the owner gave none
    new_customer_ltv_won        INTEGER,          -- lifetime value of one new customer in won; NULL where the owner gave none
    goal_metric                 TEXT,             -- what the owner's goal counts, participants or newCustomers; NULL where the owner set none
    goal_target                 INTEGER,          -- how many of them the owner wants; NULL where the owner set no goal
    participants                INTEGER NOT NULL, -- registrations
    new_customers               INTEGER NOT NULL, -- registrations of new customers, by their own statement
    position                    INTEGER NOT NULL, -- position in the log of the last event about the campaign
    updated_at                  INTEGER,          -- when the event at that position was recorded
    PRIMARY KEY (generation, campaign)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS event_stats_by_store ON event_stats (generation, store, campaign); -- the campaigns of a shop

CREATE TABLE IF NOT EXISTS channel_stats ( -- projection channel_stats: one row per channel of a campaign; a figure is NULL while it is unknown, which is not zero
    generation     INTEGER NOT NULL, -- generation that the row belongs to; see projections.active_generation
    campaign       TEXT NOT NULL,    -- the campaign, eventId on the wire
    channel        TEXT NOT NULL,    -- one of the five channels, onsite, other, or unknown where a registration names none
    distributed_at INTEGER,          -- latest completed distribution to the channel; NULL where there was none
    cost_won       INTEGER,          -- sum of the costs that distributions stated, in won; NULL where none stated one
    participants   INTEGER NOT NULL, -- registrations through the channel
    impressions    INTEGER,          -- impressions, cumulative, as the channel last reported them
    impressions_at INTEGER,          -- when the impressions were fetched
    views          INTEGER,          -- views, cumulative, as the channel last reported them
    views_at       INTEGER,          -- when the views were fetched
    clicks         INTEGER,          -- clicks, cumulative, as the channel last reported them
    clicks_at      INTEGER,          -- when the clicks were fetched
    likes          INTEGER,          -- likes, cumulative, as the channel last reported them
    likes_at       INTEGER,          -- when the likes were fetched
    comments       INTEGER,          -- comments, cumulative, as the channel last reported them
    comments_at    INTEGER,          -- when the comments were fetched
    shares         INTEGER,          -- shares, cumulative, as the channel last reported them
    shares_at      INTEGER,          -- when the shares were fetched
    fetched_at     INTEGER,          -- latest report of the channel; NULL where it never reported
    PRIMARY KEY (generation, campaign, channel),
    CHECK ((impressions IS NULL) = (impressions_at IS NULL)),
    CHECK ((views IS NULL) = (views_at IS NULL)),
    CHECK ((clicks IS NULL) = (clicks_at IS NULL)),
    CHECK ((likes IS NULL) = (likes_at IS NULL)),
    CHECK ((comments IS NULL) = (comments_at IS NULL)),
    CHECK ((shares IS NULL) = (shares_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS participation_hourly ( -- projection participation_hourly: one row per hour of a campaign with a registration
    generation   INTEGER NOT NULL, -- generation that the row belongs to; see projections.active_generation
    campaign     TEXT NOT NULL,    -- the campaign, eventId on the wire
    hour         INTEGER NOT NULL, -- start of the hour
    participants INTEGER NOT NULL, -- registrations within the hour
    PRIMARY KEY (generation, campaign, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS participant_profile ( -- projection participant_profile: one row per campaign with a registration; counts are objects: the label, and how many have it
    generation INTEGER NOT NULL, -- generation that the row belongs to; see projections.active_generation
    campaign   TEXT NOT NULL,    -- the campaign, eventId on the wire
    gender     TEXT NOT NULL,    -- registrations by gender; other where the text is on no list, unknown where the producer sent none
    age_group  TEXT NOT NULL,    -- registrations by age group, likewise
    region     TEXT NOT NULL,    -- registrations by region, likewise
    customer   TEXT NOT NULL,    -- registrations by new, returning and unknown
    PRIMARY KEY (generation, campaign)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS snapshots ( -- the rows that a projection had of a campaign after some of its events, for questions about the past; they go with the rows of their generation and campaign
    projection  TEXT NOT NULL,                              -- name of the projection
    generation  INTEGER NOT NULL,                           -- generation that the snapshot belongs to
    campaign    TEXT NOT NULL,                              -- the campaign, eventId on the wire
    position    INTEGER NOT NULL,                           -- position of the last event of the campaign that is in the rows
    recorded_at INTEGER NOT NULL,                           -- when that event was recorded
    overwritten INTEGER NOT NULL CHECK (overwritten >= 0),  -- how many events of the campaign erasures had overwritten before its events were read: where it is not as many as now, the snapshot is not used
    description INTEGER NOT NULL,                           -- checksum of the names and kinds of the columns that are in the rows
    rows        BLOB NOT NULL,                              -- the rows, encoded as the package readmodel does
    PRIMARY KEY (projection, generation, campaign, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS snapshots_by_time ON snapshots (projection, generation, campaign, recorded_at, position); -- the last snapshot before a time
