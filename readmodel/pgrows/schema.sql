-- Rows of the projections, and what serving and building them needs. The rows are
-- derived from the log: after DROP SCHEMA jangbu_rows CASCADE a rebuild restores
-- them. The record of operations is lost.
--
-- Indexes have only columns that are never updated (store is, once, when the creation of
-- its campaign is seen), and pages are left more than half empty: a commit can replace
-- every row of a page on that page (HOT) and touches no index. Text is ordered by bytes,
-- with any collation of the database.
--
-- views.sql has the views, which are to be asked rather than the tables.

CREATE SCHEMA IF NOT EXISTS jangbu_rows;
COMMENT ON SCHEMA jangbu_rows IS 'Rows of the projections, derived from the log and disposable.';

CREATE TABLE IF NOT EXISTS jangbu_rows.schema_version (
    id      integer PRIMARY KEY CHECK (id = 1),
    version integer NOT NULL,
    views   integer NOT NULL DEFAULT 0
);
DO $$
BEGIN
    -- ADD COLUMN IF NOT EXISTS would wait for a backup that reads the table.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.schema_version'::regclass AND attname = 'views') THEN
        ALTER TABLE jangbu_rows.schema_version ADD COLUMN views integer NOT NULL DEFAULT 0;
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.schema_version IS 'One row: a program that knows only earlier versions refuses this schema.';
COMMENT ON COLUMN jangbu_rows.schema_version.id IS 'Always 1.';
COMMENT ON COLUMN jangbu_rows.schema_version.version IS 'Grows by one with each change of the schema.';
COMMENT ON COLUMN jangbu_rows.schema_version.views IS 'Grows by one with each change of the views; 0 where there are none.';

CREATE TABLE IF NOT EXISTS jangbu_rows.store (
    id          integer PRIMARY KEY CHECK (id = 1),
    incarnation bigint NOT NULL,
    edits       bigint NOT NULL DEFAULT 0 CHECK (edits >= 0)
) WITH (fillfactor = 20);
COMMENT ON TABLE jangbu_rows.store IS 'One row, which makes, with the checkpoints, the revision of the rows. A transaction that changes served rows locks it, after all other locks.';
COMMENT ON COLUMN jangbu_rows.store.id IS 'Always 1.';
COMMENT ON COLUMN jangbu_rows.store.incarnation IS 'When the row was made, or the last leader''s term began, in microseconds since 1970 by the clock of the database; always higher than before.';
COMMENT ON COLUMN jangbu_rows.store.edits IS 'Grows by one with each change of served rows other than by folding the next events.';

CREATE TABLE IF NOT EXISTS jangbu_rows.generations (
    projection text COLLATE "C" NOT NULL,
    generation integer NOT NULL CHECK (generation > 0),
    version    bigint NOT NULL,
    position   bigint NOT NULL CHECK (position >= 0),
    link       bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(link) = 32),
    kept       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (projection, generation)
) WITH (fillfactor = 20);
DO $$
BEGIN
    -- IF NOT EXISTS would wait for commits in flight, even where the column exists.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.generations'::regclass AND attname = 'link') THEN
        ALTER TABLE jangbu_rows.generations
            ADD COLUMN link bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(link) = 32);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.generations'::regclass AND attname = 'kept') THEN
        ALTER TABLE jangbu_rows.generations ADD COLUMN kept bigint NOT NULL DEFAULT 0;
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.generations IS 'One row per generation of a projection, with its checkpoint.';
COMMENT ON COLUMN jangbu_rows.generations.projection IS 'Name of the projection.';
COMMENT ON COLUMN jangbu_rows.generations.generation IS 'Number of the generation, from 1; its rows carry it.';
COMMENT ON COLUMN jangbu_rows.generations.version IS 'Version of the fold that built the rows; 0 where rows of a lost history were abandoned and there are none.';
COMMENT ON COLUMN jangbu_rows.generations.position IS 'Checkpoint: the rows equal the fold of the log up to and including this position.';
COMMENT ON COLUMN jangbu_rows.generations.link IS 'Value of the log''s hash chain at that position; zero at position 0, and where an earlier program has not stored it.';
COMMENT ON COLUMN jangbu_rows.generations.kept IS 'Description of the snapshots that were kept from the first event on; 0 where an earlier program kept none.';

CREATE TABLE IF NOT EXISTS jangbu_rows.projections (
    projection        text COLLATE "C" PRIMARY KEY,
    active_generation integer NOT NULL,
    FOREIGN KEY (projection, active_generation)
        REFERENCES jangbu_rows.generations (projection, generation)
        DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE jangbu_rows.projections IS 'Which generation of each projection is served.';
COMMENT ON COLUMN jangbu_rows.projections.projection IS 'Name of the projection, which is also that of its table of rows.';
COMMENT ON COLUMN jangbu_rows.projections.active_generation IS 'The generation that is served; readers use only rows that carry it.';

CREATE TABLE IF NOT EXISTS jangbu_rows.leases (
    name       text COLLATE "C" PRIMARY KEY,
    owner      text,
    epoch      bigint NOT NULL CHECK (epoch > 0),
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 20);
COMMENT ON TABLE jangbu_rows.leases IS 'The holders of leases, under which a task runs in one process at a time.';
COMMENT ON COLUMN jangbu_rows.leases.name IS 'Name of the lease.';
COMMENT ON COLUMN jangbu_rows.leases.owner IS 'Process that holds the lease, or that held it until it expired; NULL once released.';
COMMENT ON COLUMN jangbu_rows.leases.epoch IS 'Grows by one whenever another process takes the lease; commits of an older epoch are refused.';
COMMENT ON COLUMN jangbu_rows.leases.expires_at IS 'When another process may take the lease, by the clock of the database.';

CREATE TABLE IF NOT EXISTS jangbu_rows.faults (
    name  text COLLATE "C" PRIMARY KEY,
    owner text NOT NULL,
    error text NOT NULL,
    at    timestamptz NOT NULL
);
COMMENT ON TABLE jangbu_rows.faults IS 'The last failure of the task under a lease; no row where it works.';
COMMENT ON COLUMN jangbu_rows.faults.name IS 'Name of the lease.';
COMMENT ON COLUMN jangbu_rows.faults.owner IS 'Process that failed.';
COMMENT ON COLUMN jangbu_rows.faults.error IS 'Text of the error.';
COMMENT ON COLUMN jangbu_rows.faults.at IS 'When it failed, by the clock of the database.';

CREATE TABLE IF NOT EXISTS jangbu_rows.standbys (
    projection text COLLATE "C" PRIMARY KEY,
    generation integer NOT NULL,
    FOREIGN KEY (projection, generation) REFERENCES jangbu_rows.generations (projection, generation)
);
COMMENT ON TABLE jangbu_rows.standbys IS 'The generation of a projection that was served before the active one, kept for a rollback.';
COMMENT ON COLUMN jangbu_rows.standbys.projection IS 'Name of the projection.';
COMMENT ON COLUMN jangbu_rows.standbys.generation IS 'Number of the generation.';

CREATE TABLE IF NOT EXISTS jangbu_rows.pauses (
    projection text COLLATE "C" PRIMARY KEY,
    act        bigint NOT NULL
);
COMMENT ON TABLE jangbu_rows.pauses IS 'Projections that are not folded further until an operator resumes them.';
COMMENT ON COLUMN jangbu_rows.pauses.projection IS 'Name of the projection.';
COMMENT ON COLUMN jangbu_rows.pauses.act IS 'The operation that paused it.';

CREATE TABLE IF NOT EXISTS jangbu_rows.acts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text COLLATE "C" NOT NULL,
    projections text[] COLLATE "C" NOT NULL,
    campaign    text COLLATE "C" NOT NULL,
    who         text NOT NULL,
    why         text NOT NULL,
    state       text COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    began_at    timestamptz,
    ended_at    timestamptz,
    owner       text NOT NULL DEFAULT '',
    at_position bigint NOT NULL DEFAULT 0,
    to_position bigint NOT NULL DEFAULT 0,
    error       text NOT NULL DEFAULT '',
    lease       text NOT NULL DEFAULT '',
    found       text NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (state IN ('waiting', 'running')))
);
DO $$
BEGIN
    -- IF NOT EXISTS would wait for commits in flight, even where the column exists.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.acts'::regclass AND attname = 'lease') THEN
        ALTER TABLE jangbu_rows.acts ADD COLUMN lease text NOT NULL DEFAULT '';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.acts'::regclass AND attname = 'found') THEN
        ALTER TABLE jangbu_rows.acts ADD COLUMN found text NOT NULL DEFAULT '';
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.acts IS 'The operations: what operators, and the audit, ask of projections.';
COMMENT ON COLUMN jangbu_rows.acts.id IS 'Number of the operation; the oldest that has not ended is carried out.';
COMMENT ON COLUMN jangbu_rows.acts.kind IS 'rebuild, reset, heal, rollback, pause, resume or break.';
COMMENT ON COLUMN jangbu_rows.acts.projections IS 'Names of the projections, sorted; none where a lease was broken.';
COMMENT ON COLUMN jangbu_rows.acts.campaign IS 'The campaign of a reset or a heal; empty for the others.';
COMMENT ON COLUMN jangbu_rows.acts.who IS 'The operator, or the audit, who asked for it.';
COMMENT ON COLUMN jangbu_rows.acts.why IS 'The reason that was given; may be empty.';
COMMENT ON COLUMN jangbu_rows.acts.state IS 'waiting, running, done or failed.';
COMMENT ON COLUMN jangbu_rows.acts.asked_at IS 'When it was asked for, by the clock of the database.';
COMMENT ON COLUMN jangbu_rows.acts.began_at IS 'When it was first begun.';
COMMENT ON COLUMN jangbu_rows.acts.ended_at IS 'When it was done, or failed.';
COMMENT ON COLUMN jangbu_rows.acts.owner IS 'Process that carries it out, or did last; empty while it waits.';
COMMENT ON COLUMN jangbu_rows.acts.at_position IS 'Position up to which the log is folded for it.';
COMMENT ON COLUMN jangbu_rows.acts.to_position IS 'Position up to which the log has to be folded for it.';
COMMENT ON COLUMN jangbu_rows.acts.lease IS 'Name of the lease that was broken; empty for the others.';
COMMENT ON COLUMN jangbu_rows.acts.error IS 'Why it failed; empty otherwise.';
COMMENT ON COLUMN jangbu_rows.acts.found IS 'What was served and what is right, where an audit found a campaign wrong, in JSON: the first differences, and how many there were; empty for the others.';
DO $$
BEGIN
    -- IF NOT EXISTS would wait for commits in flight, even where the index exists.
    IF to_regclass('jangbu_rows.acts_open') IS NULL THEN
        CREATE UNIQUE INDEX acts_open ON jangbu_rows.acts (kind, projections, campaign) WHERE ended_at IS NULL;
        COMMENT ON INDEX jangbu_rows.acts_open IS 'An operation that is asked for again before it ends is one operation.';
    END IF;
    IF to_regclass('jangbu_rows.acts_by_kind') IS NULL THEN
        CREATE INDEX acts_by_kind ON jangbu_rows.acts (kind, campaign, id);
        COMMENT ON INDEX jangbu_rows.acts_by_kind IS 'The heals, and what has folded their campaigns anew since.';
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS jangbu_rows.event_stats (
    generation                  integer NOT NULL,
    campaign                    text COLLATE "C" NOT NULL,
    known                       boolean NOT NULL,
    store                       text COLLATE "C" NOT NULL,
    title                       text NOT NULL,
    objective                   text NOT NULL,
    starts_at                   timestamptz,
    ends_at                     timestamptz,
    prize_cost_won              bigint,
    platform_cost_won           bigint,
    expected_sales_increase_won bigint,
    baseline_sales_won          bigint,
    new_customer_ltv_won        bigint,
    goal_metric                 text COLLATE "C",
    goal_target                 bigint,
    participants                bigint NOT NULL,
    new_customers               bigint NOT NULL,
    position                    bigint NOT NULL,
    updated_at                  timestamptz,
    PRIMARY KEY (generation, campaign)
) WITH (fillfactor = 45);
DO $$
BEGIN
    -- IF NOT EXISTS would wait for commits in flight, even where all exists.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.event_stats'::regclass AND attname = 'goal_metric') THEN
        ALTER TABLE jangbu_rows.event_stats
            ADD COLUMN goal_metric text COLLATE "C",
            ADD COLUMN goal_target bigint;
    END IF;
    IF to_regclass('jangbu_rows.event_stats_of_store') IS NULL THEN
        -- A plan that is made while the table is empty could take the earlier index, which
        -- had the generation first, to find a campaign.
        DROP INDEX IF EXISTS jangbu_rows.event_stats_by_store;
        CREATE INDEX event_stats_of_store ON jangbu_rows.event_stats (store, generation, campaign);
        COMMENT ON INDEX jangbu_rows.event_stats_of_store IS 'The campaigns of a shop.';
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.event_stats IS 'Projection event_stats: one row per campaign.';
COMMENT ON COLUMN jangbu_rows.event_stats.generation IS 'Generation that the row belongs to; see projections.active_generation.';
COMMENT ON COLUMN jangbu_rows.event_stats.campaign IS 'The campaign, eventId on the wire.';
COMMENT ON COLUMN jangbu_rows.event_stats.known IS 'False until the creation of the campaign has been seen.';
COMMENT ON COLUMN jangbu_rows.event_stats.store IS 'The shop, storeId on the wire; empty while not known.';
COMMENT ON COLUMN jangbu_rows.event_stats.title IS 'Title of the campaign; empty while not known.';
COMMENT ON COLUMN jangbu_rows.event_stats.objective IS 'Objective of the campaign; empty while not known.';
COMMENT ON COLUMN jangbu_rows.event_stats.starts_at IS 'Start of the campaign; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.ends_at IS 'End of the campaign; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.prize_cost_won IS 'Cost of prizes in won; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.platform_cost_won IS 'Cost of the platform in won; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.expected_sales_increase_won IS 'Increase of sales that the owner expects, in won; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.baseline_sales_won IS 'Sales without the campaign, in won; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.new_customer_ltv_won IS 'Lifetime value of one new customer in won; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.event_stats.goal_metric IS 'What the owner''s goal counts, participants or newCustomers; NULL where the owner set none.';
COMMENT ON COLUMN jangbu_rows.event_stats.goal_target IS 'How many of them the owner wants; NULL where the owner set no goal.';
COMMENT ON COLUMN jangbu_rows.event_stats.participants IS 'Registrations.';
COMMENT ON COLUMN jangbu_rows.event_stats.new_customers IS 'Registrations of new customers, by their own statement.';
COMMENT ON COLUMN jangbu_rows.event_stats.position IS 'Position in the log of the last event about the campaign.';
COMMENT ON COLUMN jangbu_rows.event_stats.updated_at IS 'When the event at that position was recorded.';

CREATE TABLE IF NOT EXISTS jangbu_rows.channel_stats (
    generation     integer NOT NULL,
    campaign       text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    distributed_at timestamptz,
    cost_won       bigint,
    participants   bigint NOT NULL,
    impressions    bigint,
    impressions_at timestamptz,
    views          bigint,
    views_at       timestamptz,
    clicks         bigint,
    clicks_at      timestamptz,
    likes          bigint,
    likes_at       timestamptz,
    comments       bigint,
    comments_at    timestamptz,
    shares         bigint,
    shares_at      timestamptz,
    fetched_at     timestamptz,
    PRIMARY KEY (generation, campaign, channel),
    CHECK ((impressions IS NULL) = (impressions_at IS NULL)),
    CHECK ((views IS NULL) = (views_at IS NULL)),
    CHECK ((clicks IS NULL) = (clicks_at IS NULL)),
    CHECK ((likes IS NULL) = (likes_at IS NULL)),
    CHECK ((comments IS NULL) = (comments_at IS NULL)),
    CHECK ((shares IS NULL) = (shares_at IS NULL))
) WITH (fillfactor = 45);
DO $$
BEGIN
    -- DROP NOT NULL would wait for commits in flight, even where there is nothing to drop.
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.channel_stats'::regclass AND attname = 'cost_won' AND attnotnull) THEN
        ALTER TABLE jangbu_rows.channel_stats ALTER COLUMN cost_won DROP NOT NULL;
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.channel_stats IS 'Projection channel_stats: one row per channel of a campaign. A figure is NULL while it is unknown, which is not zero.';
COMMENT ON COLUMN jangbu_rows.channel_stats.generation IS 'Generation that the row belongs to; see projections.active_generation.';
COMMENT ON COLUMN jangbu_rows.channel_stats.campaign IS 'The campaign, eventId on the wire.';
COMMENT ON COLUMN jangbu_rows.channel_stats.channel IS 'One of the five channels, onsite, other, or unknown where a registration names none.';
COMMENT ON COLUMN jangbu_rows.channel_stats.distributed_at IS 'Latest completed distribution to the channel; NULL where there was none.';
COMMENT ON COLUMN jangbu_rows.channel_stats.cost_won IS 'Sum of the costs that distributions stated, in won; NULL where none stated one.';
COMMENT ON COLUMN jangbu_rows.channel_stats.participants IS 'Registrations through the channel.';
COMMENT ON COLUMN jangbu_rows.channel_stats.impressions IS 'Impressions, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.impressions_at IS 'When the impressions were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.views IS 'Views, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.views_at IS 'When the views were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.clicks IS 'Clicks, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.clicks_at IS 'When the clicks were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.likes IS 'Likes, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.likes_at IS 'When the likes were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.comments IS 'Comments, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.comments_at IS 'When the comments were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.shares IS 'Shares, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channel_stats.shares_at IS 'When the shares were fetched.';
COMMENT ON COLUMN jangbu_rows.channel_stats.fetched_at IS 'Latest report of the channel; NULL where it never reported.';

CREATE TABLE IF NOT EXISTS jangbu_rows.participation_hourly (
    generation   integer NOT NULL,
    campaign     text COLLATE "C" NOT NULL,
    hour         timestamptz NOT NULL,
    participants bigint NOT NULL,
    PRIMARY KEY (generation, campaign, hour)
) WITH (fillfactor = 45);
COMMENT ON TABLE jangbu_rows.participation_hourly IS 'Projection participation_hourly: one row per hour of a campaign with a registration.';
COMMENT ON COLUMN jangbu_rows.participation_hourly.generation IS 'Generation that the row belongs to; see projections.active_generation.';
COMMENT ON COLUMN jangbu_rows.participation_hourly.campaign IS 'The campaign, eventId on the wire.';
COMMENT ON COLUMN jangbu_rows.participation_hourly.hour IS 'Start of the hour.';
COMMENT ON COLUMN jangbu_rows.participation_hourly.participants IS 'Registrations within the hour.';

DO $$
BEGIN
    -- Earlier programs had one row for each value of a dimension.
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('jangbu_rows.participant_profile') AND attname = 'dimension') THEN
        ALTER TABLE jangbu_rows.participant_profile RENAME TO participant_profile_by_value;
        ALTER INDEX jangbu_rows.participant_profile_pkey RENAME TO participant_profile_by_value_pkey;
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS jangbu_rows.participant_profile (
    generation integer NOT NULL,
    campaign   text COLLATE "C" NOT NULL,
    gender     json NOT NULL,
    age_group  json NOT NULL,
    region     json NOT NULL,
    customer   json NOT NULL,
    PRIMARY KEY (generation, campaign)
) WITH (fillfactor = 45);
DO $$
BEGIN
    IF to_regclass('jangbu_rows.participant_profile_by_value') IS NOT NULL THEN
        INSERT INTO jangbu_rows.participant_profile (generation, campaign, gender, age_group, region, customer)
        SELECT generation, campaign,
            coalesce(json_object_agg(value, participants ORDER BY value) FILTER (WHERE dimension = 'gender'), '{}'),
            coalesce(json_object_agg(value, participants ORDER BY value) FILTER (WHERE dimension = 'ageGroup'), '{}'),
            coalesce(json_object_agg(value, participants ORDER BY value) FILTER (WHERE dimension = 'region'), '{}'),
            coalesce(json_object_agg(value, participants ORDER BY value) FILTER (WHERE dimension = 'customer'), '{}')
        FROM jangbu_rows.participant_profile_by_value
        GROUP BY generation, campaign;
        DROP TABLE jangbu_rows.participant_profile_by_value;
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.participant_profile IS 'Projection participant_profile: one row per campaign with a registration. Counts are objects: the label, and how many have it.';
COMMENT ON COLUMN jangbu_rows.participant_profile.generation IS 'Generation that the row belongs to; see projections.active_generation.';
COMMENT ON COLUMN jangbu_rows.participant_profile.campaign IS 'The campaign, eventId on the wire.';
COMMENT ON COLUMN jangbu_rows.participant_profile.gender IS 'Registrations by gender; other where the text is on no list, unknown where the producer sent none.';
COMMENT ON COLUMN jangbu_rows.participant_profile.age_group IS 'Registrations by age group, likewise.';
COMMENT ON COLUMN jangbu_rows.participant_profile.region IS 'Registrations by region, likewise.';
COMMENT ON COLUMN jangbu_rows.participant_profile.customer IS 'Registrations by new, returning and unknown.';

CREATE TABLE IF NOT EXISTS jangbu_rows.snapshots (
    projection  text COLLATE "C" NOT NULL,
    generation  integer NOT NULL,
    campaign    text COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    overwritten bigint NOT NULL CHECK (overwritten >= 0),
    description bigint NOT NULL,
    rows        bytea NOT NULL,
    PRIMARY KEY (projection, generation, campaign, position)
);
DO $$
BEGIN
    -- SET STORAGE would wait for commits in flight. To compress takes longer than to write.
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jangbu_rows.snapshots'::regclass AND attname = 'rows' AND attstorage = 'e') THEN
        ALTER TABLE jangbu_rows.snapshots ALTER COLUMN rows SET STORAGE EXTERNAL;
    END IF;
    IF to_regclass('jangbu_rows.snapshots_by_time') IS NULL THEN
        CREATE INDEX snapshots_by_time ON jangbu_rows.snapshots (projection, generation, campaign, recorded_at, position);
        COMMENT ON INDEX jangbu_rows.snapshots_by_time IS 'The last snapshot before a time.';
    END IF;
END $$;
COMMENT ON TABLE jangbu_rows.snapshots IS 'The rows that a projection had of a campaign after some of its events, for questions about the past. They go with the rows of their generation and campaign.';
COMMENT ON COLUMN jangbu_rows.snapshots.projection IS 'Name of the projection.';
COMMENT ON COLUMN jangbu_rows.snapshots.generation IS 'Generation that the snapshot belongs to.';
COMMENT ON COLUMN jangbu_rows.snapshots.campaign IS 'The campaign, eventId on the wire.';
COMMENT ON COLUMN jangbu_rows.snapshots.position IS 'Position of the last event of the campaign that is in the rows.';
COMMENT ON COLUMN jangbu_rows.snapshots.recorded_at IS 'When that event was recorded.';
COMMENT ON COLUMN jangbu_rows.snapshots.overwritten IS 'How many events of the campaign erasures had overwritten before its events were read: where it is not as many as now, the snapshot is not used.';
COMMENT ON COLUMN jangbu_rows.snapshots.description IS 'Checksum of the names and kinds of the columns that are in the rows.';
COMMENT ON COLUMN jangbu_rows.snapshots.rows IS 'The rows, encoded as the package readmodel does.';
