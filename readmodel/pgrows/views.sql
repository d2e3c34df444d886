-- Views of the served rows, with the arithmetic of the page: one question in SQL has the answer
-- that the API gives. Their columns are named as the members of the API, which PostgreSQL writes
-- in lower case. They have the campaigns whose creation has been seen, and only rows of the
-- generations that are served. A role that reads them needs no right on a table.
--
-- Times are to the second; days and hours are those of Seoul. What is not known is NULL, and so
-- is a ratio whose divisor is 0 or not known, and an amount beyond what fits: 2^63 - 1, which
-- sums in the tables end at, or more. Percentages are rounded to two decimals, below 0.01 to two
-- significant digits, halves away from zero.
--
-- The views of the program before are replaced in place, so that rights on them stay. That lets
-- columns be added at the end, and no others be changed; raise viewsVersion with each change.

CREATE OR REPLACE FUNCTION jangbu_rows.percent(part numeric, whole numeric) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    -- div is exact where / is not. Twice the quotient, so that a half is rounded once.
    SELECT (sign(part) * div(2 * abs(part) * ('1e' || decimals + 2)::numeric + whole, 2 * whole) * ('1e-' || decimals)::numeric)::double precision
    FROM (SELECT CASE WHEN part <> 0 AND abs(part) * 10000 < whole THEN length(div(whole - 1, abs(part))::text) - 1 ELSE 2 END) AS d (decimals)
    WHERE whole <> 0
);
COMMENT ON FUNCTION jangbu_rows.percent IS 'Part as a percentage of whole, which is not negative, exactly as the page rounds it; NULL where whole is 0.';

CREATE OR REPLACE VIEW jangbu_rows.campaigns AS
SELECT
    campaign AS eventId,
    store AS storeId,
    nullif(title, '') AS title,
    objective,
    state,
    date_trunc('second', starts_at) AS startsAt,
    date_trunc('second', ends_at) AS endsAt,
    position,
    date_trunc('second', updated_at) AS updatedAt,
    participants AS totalParticipants,
    exposure::bigint AS totalExposure,
    CASE WHEN state <> 'planned' AND participants > 0 THEN jangbu_rows.percent(revenue - cost, cost) END AS roiPercent,
    jangbu_rows.percent(increase, baseline_sales_won) AS salesGrowthPercent,
    div(2 * cost + participants, nullif(2 * greatest(participants, 0), 0))::bigint AS costPerParticipant,
    cost::bigint AS totalCost,
    concat_ws(',',
        CASE WHEN greatest(distribution, spent, promised) >= 9223372036854775807 THEN 'amounts' END,
        CASE WHEN baseline_sales_won IS NULL THEN 'baselineSales' END,
        CASE WHEN unstated > 0 THEN 'distributionCost' END,
        CASE WHEN increase IS NULL THEN 'expectedSalesIncrease' END,
        CASE WHEN exposure IS NULL THEN 'exposure' END,
        CASE WHEN increase IS NULL AND new_customer_ltv_won IS NULL THEN 'newCustomerLtv' END,
        CASE WHEN platform_cost_won IS NULL THEN 'platformCost' END,
        CASE WHEN prize_cost_won IS NULL THEN 'prizeCost' END) AS missing,
    prize_cost_won AS prizeCost,
    platform_cost_won AS platformCost,
    CASE WHEN (stated > 0 OR unstated = 0) AND distribution < 9223372036854775807 THEN distribution::bigint END AS distributionCost,
    increase AS salesIncrease,
    baseline_sales_won AS baselineSales,
    new_customers AS newCustomers,
    new_customer_ltv_won AS newCustomerLtv,
    revenue::bigint AS expectedRevenue,
    CASE
        WHEN increase IS NULL AND new_customer_ltv_won IS NULL THEN NULL
        WHEN cost <= coalesce(increase, 0) THEN 0
        ELSE div(cost - coalesce(increase, 0) - 1, nullif(new_customer_ltv_won, 0)) + 1
    END::bigint AS breakEvenNewCustomers,
    goal_metric AS goalMetric,
    goal_target AS goalTarget,
    reached AS goalReached,
    jangbu_rows.percent(reached, goal_target) AS goalPercent
FROM (
    SELECT *,
        CASE WHEN spent < 9223372036854775807 THEN spent END AS cost,
        CASE WHEN promised < 9223372036854775807 THEN promised END AS revenue,
        CASE WHEN now() < starts_at THEN 'planned' WHEN now() >= ends_at THEN 'ended' ELSE 'running' END AS state,
        CASE goal_metric WHEN 'participants' THEN participants WHEN 'newCustomers' THEN new_customers END AS reached
    FROM (
        SELECT c.*, expected_sales_increase_won AS increase, s.exposure,
            coalesce(s.stated, 0) AS stated, coalesce(s.unstated, 0) AS unstated, coalesce(s.distribution, 0) AS distribution,
            prize_cost_won::numeric + platform_cost_won + coalesce(s.distribution, 0) AS spent,
            CASE WHEN expected_sales_increase_won IS NOT NULL OR new_customer_ltv_won IS NOT NULL
                 THEN coalesce(expected_sales_increase_won, 0) + coalesce(new_customer_ltv_won, 0)::numeric * new_customers END AS promised
        FROM jangbu_rows.event_stats AS c
        LEFT JOIN (
            SELECT campaign,
                sum(greatest(impressions, views)) FILTER (WHERE channel IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao')) AS exposure,
                count(cost_won) AS stated,
                count(distributed_at) FILTER (WHERE cost_won IS NULL) AS unstated,
                sum(cost_won) AS distribution
            FROM jangbu_rows.channel_stats
            WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
            GROUP BY campaign
        ) AS s USING (campaign)
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats') AND known
    ) AS amounts
) AS figures;
COMMENT ON VIEW jangbu_rows.campaigns IS 'One row per campaign.';
COMMENT ON COLUMN jangbu_rows.campaigns.eventId IS 'The campaign.';
COMMENT ON COLUMN jangbu_rows.campaigns.storeId IS 'The shop.';
COMMENT ON COLUMN jangbu_rows.campaigns.title IS 'Title of the campaign.';
COMMENT ON COLUMN jangbu_rows.campaigns.objective IS 'Objective of the campaign.';
COMMENT ON COLUMN jangbu_rows.campaigns.state IS 'Planned until its start, ended from its end on, otherwise running; now, or as of the moment of a replay.';
COMMENT ON COLUMN jangbu_rows.campaigns.startsAt IS 'Start of the campaign; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.campaigns.endsAt IS 'End of the campaign; NULL where the owner gave none.';
COMMENT ON COLUMN jangbu_rows.campaigns.position IS 'Position in the log of the last event about the campaign.';
COMMENT ON COLUMN jangbu_rows.campaigns.updatedAt IS 'When that event was recorded.';
COMMENT ON COLUMN jangbu_rows.campaigns.totalParticipants IS 'Registrations.';
COMMENT ON COLUMN jangbu_rows.campaigns.totalExposure IS 'Sum of the channels'' known exposures.';
COMMENT ON COLUMN jangbu_rows.campaigns.roiPercent IS '(expectedRevenue - totalCost) / totalCost; NULL before the start and without participants.';
COMMENT ON COLUMN jangbu_rows.campaigns.salesGrowthPercent IS 'SalesIncrease / baselineSales, both as the owner expects them.';
COMMENT ON COLUMN jangbu_rows.campaigns.costPerParticipant IS 'TotalCost / totalParticipants in won, halves away from zero.';
COMMENT ON COLUMN jangbu_rows.campaigns.totalCost IS 'PrizeCost + platformCost + what distributions stated, in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.missing IS 'The inputs whose absence makes a number NULL or incomplete, sorted, with commas between them; empty where none is absent.';
COMMENT ON COLUMN jangbu_rows.campaigns.prizeCost IS 'Cost of prizes in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.platformCost IS 'Cost of the platform in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.distributionCost IS 'Sum of the costs that distributions stated, in won; NULL where there were distributions and none stated one.';
COMMENT ON COLUMN jangbu_rows.campaigns.salesIncrease IS 'Increase of sales that the owner expects, in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.baselineSales IS 'Sales without the campaign, in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.newCustomers IS 'Registrations of new customers, by their own statement.';
COMMENT ON COLUMN jangbu_rows.campaigns.newCustomerLtv IS 'Lifetime value of one new customer in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.expectedRevenue IS 'SalesIncrease + newCustomers * newCustomerLtv, in won.';
COMMENT ON COLUMN jangbu_rows.campaigns.breakEvenNewCustomers IS 'The smallest number of new customers with which expectedRevenue reaches totalCost.';
COMMENT ON COLUMN jangbu_rows.campaigns.goalMetric IS 'What the owner''s goal counts, participants or newCustomers; NULL where the owner set none.';
COMMENT ON COLUMN jangbu_rows.campaigns.goalTarget IS 'How many of them the owner wants.';
COMMENT ON COLUMN jangbu_rows.campaigns.goalReached IS 'How many there are.';
COMMENT ON COLUMN jangbu_rows.campaigns.goalPercent IS 'GoalReached / goalTarget.';

CREATE OR REPLACE VIEW jangbu_rows.channels AS
SELECT
    campaign AS eventId,
    channel,
    date_trunc('second', distributed_at) AS distributedAt,
    cost,
    impressions,
    views,
    clicks,
    likes,
    comments,
    shares,
    exposure,
    participants,
    div(2 * cost::numeric + participants, nullif(2 * greatest(participants, 0), 0))::bigint AS costPerParticipant,
    jangbu_rows.percent(participants, coalesce(exposure, clicks, reactions)) AS conversionPercent,
    CASE WHEN exposure IS NOT NULL THEN 'exposure' WHEN clicks IS NOT NULL THEN 'clicks' WHEN reactions IS NOT NULL THEN 'reactions' END AS conversionOf,
    date_trunc('second', fetched_at) AS fetchedAt
FROM (
    SELECT campaign, s.channel, s.distributed_at, nullif(s.cost_won, 9223372036854775807) AS cost, s.impressions, s.views, s.clicks, s.likes, s.comments, s.shares,
        greatest(s.impressions, s.views) AS exposure,
        CASE WHEN coalesce(s.likes, s.comments, s.shares) IS NOT NULL
             THEN coalesce(s.likes, 0) + coalesce(s.comments, 0) + coalesce(s.shares, 0) END AS reactions,
        s.participants, s.fetched_at
    FROM jangbu_rows.channel_stats AS s
    JOIN jangbu_rows.event_stats AS c USING (campaign)
    WHERE s.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
        AND c.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats') AND c.known
        AND s.channel IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao')
    UNION ALL
    -- Of the others only the participants count. Those that no channel has are unknown.
    SELECT campaign, named.channel, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, named.participants::bigint, NULL
    FROM jangbu_rows.event_stats AS c
    LEFT JOIN (
        SELECT campaign,
            sum(participants) FILTER (WHERE channel = 'onsite') AS onsite,
            sum(participants) FILTER (WHERE channel NOT IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao', 'onsite', 'unknown')) AS other,
            sum(participants) FILTER (WHERE channel <> 'unknown') AS named
        FROM jangbu_rows.channel_stats
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
        GROUP BY campaign
    ) AS s USING (campaign)
    CROSS JOIN LATERAL (VALUES ('onsite', s.onsite), ('other', s.other), ('unknown', c.participants - coalesce(s.named, 0))) AS named (channel, participants)
    WHERE c.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats') AND c.known
) AS shown
WHERE participants <> 0 OR distributed_at IS NOT NULL OR fetched_at IS NOT NULL;
COMMENT ON VIEW jangbu_rows.channels IS 'One row per campaign and channel that it was distributed to, that reported figures, or that brought participants: their participants add up to the campaign''s.';
COMMENT ON COLUMN jangbu_rows.channels.eventId IS 'The campaign.';
COMMENT ON COLUMN jangbu_rows.channels.channel IS 'One of the five channels, onsite, other, or unknown where a registration names none.';
COMMENT ON COLUMN jangbu_rows.channels.distributedAt IS 'Latest completed distribution to the channel; NULL where there was none.';
COMMENT ON COLUMN jangbu_rows.channels.cost IS 'Sum of the costs of the distributions to the channel, in won; NULL where none stated one.';
COMMENT ON COLUMN jangbu_rows.channels.impressions IS 'Impressions, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.views IS 'Views, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.clicks IS 'Clicks, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.likes IS 'Likes, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.comments IS 'Comments, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.shares IS 'Shares, cumulative, as the channel last reported them.';
COMMENT ON COLUMN jangbu_rows.channels.exposure IS 'The larger of impressions and views.';
COMMENT ON COLUMN jangbu_rows.channels.participants IS 'Registrations through the channel.';
COMMENT ON COLUMN jangbu_rows.channels.costPerParticipant IS 'Cost / participants in won, halves away from zero.';
COMMENT ON COLUMN jangbu_rows.channels.conversionPercent IS 'Participants / what conversionOf names.';
COMMENT ON COLUMN jangbu_rows.channels.conversionOf IS 'Exposure, or where that is not known clicks, or else reactions: likes, comments and shares together.';
COMMENT ON COLUMN jangbu_rows.channels.fetchedAt IS 'Latest report of the channel; NULL where it never reported.';

CREATE OR REPLACE VIEW jangbu_rows.hours AS
SELECT
    campaign AS eventId,
    h.hour AS start,
    (h.hour AT TIME ZONE 'Asia/Seoul')::date AS day,
    extract(isodow FROM h.hour AT TIME ZONE 'Asia/Seoul')::bigint - 1 AS weekday,
    extract(hour FROM h.hour AT TIME ZONE 'Asia/Seoul')::bigint AS hourOfDay,
    h.participants
FROM jangbu_rows.participation_hourly AS h
JOIN jangbu_rows.event_stats AS c USING (campaign)
WHERE h.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participation_hourly')
    AND c.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats') AND c.known;
COMMENT ON VIEW jangbu_rows.hours IS 'One row per hour of a campaign with a registration.';
COMMENT ON COLUMN jangbu_rows.hours.eventId IS 'The campaign.';
COMMENT ON COLUMN jangbu_rows.hours.start IS 'Start of the hour.';
COMMENT ON COLUMN jangbu_rows.hours.day IS 'Its day in Seoul, as 2026-11-24.';
COMMENT ON COLUMN jangbu_rows.hours.weekday IS 'Day of the week in Seoul: 0 is Monday, 6 Sunday.';
COMMENT ON COLUMN jangbu_rows.hours.hourOfDay IS 'Hour of the day in Seoul, 0 to 23.';
COMMENT ON COLUMN jangbu_rows.hours.participants IS 'Registrations within the hour.';

CREATE OR REPLACE VIEW jangbu_rows.profiles AS
SELECT
    campaign AS eventId,
    dimension,
    kept AS label,
    sum(participants)::bigint AS participants
FROM (
    SELECT campaign, dimension, participants,
        CASE WHEN dimension <> 'customer' AND row_number() OVER (PARTITION BY campaign, dimension ORDER BY label = 'other', participants DESC, label) > 50
             THEN 'other' ELSE label END AS kept
    FROM (
        SELECT campaign, d.dimension, l.label COLLATE "C" AS label, l.participants
        FROM jangbu_rows.event_stats AS c
        LEFT JOIN (SELECT * FROM jangbu_rows.participant_profile WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participant_profile')) AS p USING (campaign)
        CROSS JOIN LATERAL (VALUES ('gender', p.gender::jsonb), ('ageGroup', p.age_group::jsonb), ('region', p.region::jsonb),
            ('customer', '{"new":0,"returning":0,"unknown":0}' || coalesce(p.customer::jsonb, '{}'))) AS d (dimension, counts)
        CROSS JOIN LATERAL (SELECT key, value::bigint FROM jsonb_each_text(d.counts)) AS l (label, participants)
        WHERE c.generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats') AND c.known
    ) AS labels
) AS ranked
GROUP BY campaign, dimension, kept;
COMMENT ON VIEW jangbu_rows.profiles IS 'One row per campaign, dimension and label.';
COMMENT ON COLUMN jangbu_rows.profiles.eventId IS 'The campaign.';
COMMENT ON COLUMN jangbu_rows.profiles.dimension IS 'Gender, ageGroup, region or customer.';
COMMENT ON COLUMN jangbu_rows.profiles.label IS 'The label: of customer always new, returning and unknown, of the others those that occur, the 50 most frequent and other.';
COMMENT ON COLUMN jangbu_rows.profiles.participants IS 'Registrations with the label.';

CREATE OR REPLACE VIEW jangbu_rows.shops AS
SELECT
    storeId,
    campaigns,
    totalParticipants,
    newCustomers,
    totalExposure,
    totalCost,
    expectedRevenue,
    CASE WHEN greatest(spent, gained) < 9223372036854775807 THEN jangbu_rows.percent(gained - spent, spent) END AS roiPercent,
    missingExposure,
    missingCost,
    missingRevenue,
    missingRoi
FROM (
    SELECT storeId,
        count(*) AS campaigns,
        sum(totalParticipants)::bigint AS totalParticipants,
        sum(newCustomers)::bigint AS newCustomers,
        CASE WHEN sum(totalExposure) < 9223372036854775807 THEN sum(totalExposure)::bigint END AS totalExposure,
        CASE WHEN sum(totalCost) < 9223372036854775807 THEN sum(totalCost)::bigint END AS totalCost,
        CASE WHEN sum(expectedRevenue) < 9223372036854775807 THEN sum(expectedRevenue)::bigint END AS expectedRevenue,
        sum(totalCost) FILTER (WHERE counts) AS spent,
        sum(expectedRevenue) FILTER (WHERE counts) AS gained,
        count(*) - count(totalExposure) AS missingExposure,
        count(*) - count(totalCost) AS missingCost,
        count(*) - count(expectedRevenue) AS missingRevenue,
        count(*) FILTER (WHERE NOT counts) AS missingRoi
    FROM (
        SELECT *, state <> 'planned' AND totalParticipants > 0 AND totalCost IS NOT NULL AND expectedRevenue IS NOT NULL AS counts
        FROM jangbu_rows.campaigns
    ) AS c
    GROUP BY storeId
) AS sums;
COMMENT ON VIEW jangbu_rows.shops IS 'One row per shop. A sum is of the campaigns of which the number is known; NULL where it is of none.';
COMMENT ON COLUMN jangbu_rows.shops.storeId IS 'The shop.';
COMMENT ON COLUMN jangbu_rows.shops.campaigns IS 'Its campaigns.';
COMMENT ON COLUMN jangbu_rows.shops.totalParticipants IS 'Registrations of its campaigns.';
COMMENT ON COLUMN jangbu_rows.shops.newCustomers IS 'Registrations of new customers, by their own statement.';
COMMENT ON COLUMN jangbu_rows.shops.totalExposure IS 'Sum of the exposures.';
COMMENT ON COLUMN jangbu_rows.shops.totalCost IS 'Sum of the costs in won.';
COMMENT ON COLUMN jangbu_rows.shops.expectedRevenue IS 'Sum of the expected revenues in won.';
COMMENT ON COLUMN jangbu_rows.shops.roiPercent IS '(expectedRevenue - totalCost) / totalCost, over the campaigns that have begun, have participants, and of which both are known.';
COMMENT ON COLUMN jangbu_rows.shops.missingExposure IS 'Campaigns that are not in totalExposure.';
COMMENT ON COLUMN jangbu_rows.shops.missingCost IS 'Campaigns that are not in totalCost.';
COMMENT ON COLUMN jangbu_rows.shops.missingRevenue IS 'Campaigns that are not in expectedRevenue.';
COMMENT ON COLUMN jangbu_rows.shops.missingRoi IS 'Campaigns that are not in roiPercent.';
