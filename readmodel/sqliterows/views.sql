-- Views of the served rows, with the arithmetic of the page: one question in SQL has the answer
-- that the API gives. Their columns are named as the members of the API. They have the
-- campaigns whose creation has been seen, and only rows of the generations that are served.
--
-- Times are text, 2026-11-24T09:00:00+09:00, to the second; days and hours are those of Seoul.
-- What is not known is NULL, and so is a ratio whose divisor is 0 or not known, and an amount
-- beyond what fits. Percentages are rounded to two decimals, below 0.01 to two significant
-- digits, halves away from zero.
--
-- SQLite has no functions of a database's own: the program writes out percent(PART, WHOLE),
-- per_head(COST), exact_sum(COLUMN) and kst(COLUMN); see views.go. A column that is computed is
-- cast to its type, which is how other programs learn it.

CREATE VIEW campaigns AS -- one row per campaign
SELECT
    campaign AS eventId,                             -- the campaign
    store AS storeId,                                -- the shop
    CAST(nullif(title, '') AS TEXT) AS title,        -- title of the campaign
    objective,                                       -- objective of the campaign
    CAST(state AS TEXT) AS state,                    -- planned until its start, ended from its end on, otherwise running; now, or as of the moment of a replay
    kst(starts_at) AS startsAt,                      -- start of the campaign; NULL where the owner gave none
    kst(ends_at) AS endsAt,                          -- end of the campaign; NULL where the owner gave none
    position,                                        -- position in the log of the last event about the campaign
    kst(updated_at) AS updatedAt,                    -- when that event was recorded
    participants AS totalParticipants,               -- registrations
    CAST(exposure AS INTEGER) AS totalExposure,      -- sum of the channels' known exposures
    CAST(CASE WHEN state <> 'planned' AND participants > 0
         THEN percent(revenue - cost, cost) END AS REAL) AS roiPercent, -- (expectedRevenue - totalCost) / totalCost; NULL before the start and without participants
    percent(increase, baseline_sales_won) AS salesGrowthPercent, -- salesIncrease / baselineSales, both as the owner expects them
    per_head(cost) AS costPerParticipant,            -- totalCost / totalParticipants in won, halves away from zero
    CAST(cost AS INTEGER) AS totalCost,              -- prizeCost + platformCost + what distributions stated, in won
    CAST(substr(
        CASE WHEN overflow THEN ',amounts' ELSE '' END
        || CASE WHEN baseline_sales_won IS NULL THEN ',baselineSales' ELSE '' END
        || CASE WHEN unstated > 0 THEN ',distributionCost' ELSE '' END
        || CASE WHEN increase IS NULL THEN ',expectedSalesIncrease' ELSE '' END
        || CASE WHEN exposure IS NULL THEN ',exposure' ELSE '' END
        || CASE WHEN increase IS NULL AND new_customer_ltv_won IS NULL THEN ',newCustomerLtv' ELSE '' END
        || CASE WHEN platform_cost_won IS NULL THEN ',platformCost' ELSE '' END
        || CASE WHEN prize_cost_won IS NULL THEN ',prizeCost' ELSE '' END,
        2) AS TEXT) AS missing,                      -- the inputs whose absence makes a number NULL or incomplete, sorted, with commas between them; empty where none is absent
    prize_cost_won AS prizeCost,                     -- cost of prizes in won
    platform_cost_won AS platformCost,               -- cost of the platform in won
    CAST(CASE WHEN (stated > 0 OR unstated = 0) AND distribution < 9223372036854775807
         THEN distribution END AS INTEGER) AS distributionCost, -- sum of the costs that distributions stated, in won; NULL where there were distributions and none stated one
    increase AS salesIncrease,                       -- increase of sales that the owner expects, in won
    baseline_sales_won AS baselineSales,             -- sales without the campaign, in won
    new_customers AS newCustomers,                   -- registrations of new customers, by their own statement
    new_customer_ltv_won AS newCustomerLtv,          -- lifetime value of one new customer in won
    CAST(revenue AS INTEGER) AS expectedRevenue,     -- salesIncrease + newCustomers * newCustomerLtv, in won
    CAST(CASE WHEN increase IS NULL AND new_customer_ltv_won IS NULL THEN NULL
         WHEN cost <= coalesce(increase, 0) THEN 0
         ELSE (cost - coalesce(increase, 0) - 1) / nullif(new_customer_ltv_won, 0) + 1
         END AS INTEGER) AS breakEvenNewCustomers,   -- the smallest number of new customers with which expectedRevenue reaches totalCost
    goal_metric AS goalMetric,                       -- what the owner's goal counts, participants or newCustomers; NULL where the owner set none
    goal_target AS goalTarget,                       -- how many of them the owner wants
    CAST(reached AS INTEGER) AS goalReached,         -- how many there are
    percent(reached, goal_target) AS goalPercent     -- goalReached / goalTarget
FROM (
    SELECT *,
        CASE WHEN spent < 9223372036854775807 THEN spent END AS cost,
        CASE WHEN promised < 9223372036854775807 THEN promised END AS revenue,
        max(distribution, coalesce(spent, 0), coalesce(promised, 0)) = 9223372036854775807 AS overflow,
        CASE WHEN now < starts_at THEN 'planned' WHEN now >= ends_at THEN 'ended' ELSE 'running' END AS state,
        CASE goal_metric WHEN 'participants' THEN participants WHEN 'newCustomers' THEN new_customers END AS reached
    FROM (
        -- Each sum and the product stop at the largest number, which stands for all beyond it.
        SELECT *,
            CASE WHEN fixed > 9223372036854775807 - distribution THEN 9223372036854775807 ELSE fixed + distribution END AS spent,
            CASE WHEN increase IS NOT NULL OR new_customer_ltv_won IS NOT NULL THEN
                CASE WHEN coalesce(increase, 0) > 9223372036854775807 - later THEN 9223372036854775807 ELSE coalesce(increase, 0) + later END
            END AS promised
        FROM (
            SELECT *,
                CASE WHEN prize_cost_won > 9223372036854775807 - platform_cost_won THEN 9223372036854775807 ELSE prize_cost_won + platform_cost_won END AS fixed,
                CASE WHEN new_customer_ltv_won > 9223372036854775807 / nullif(new_customers, 0) THEN 9223372036854775807
                     ELSE coalesce(new_customer_ltv_won * new_customers, 0) END AS later
            FROM (
                SELECT c.campaign, c.store, c.title, c.objective, c.starts_at, c.ends_at, c.prize_cost_won, c.platform_cost_won,
                    c.expected_sales_increase_won AS increase, c.baseline_sales_won, c.new_customer_ltv_won, c.goal_metric, c.goal_target,
                    c.participants, c.new_customers, c.position, c.updated_at,
                    sum(CASE WHEN s.channel IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao')
                             THEN max(coalesce(s.impressions, s.views), coalesce(s.views, s.impressions)) END) AS exposure,
                    count(s.cost_won) AS stated,
                    count(s.distributed_at) FILTER (WHERE s.cost_won IS NULL) AS unstated,
                    coalesce(exact_sum(s.cost_won), CASE WHEN count(s.cost_won) > 0 THEN 9223372036854775807 ELSE 0 END) AS distribution,
                    coalesce((SELECT moment FROM store), unixepoch() * 1000000) AS now
                FROM event_stats AS c
                LEFT JOIN channel_stats AS s
                    ON s.generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats') AND s.campaign = c.campaign
                WHERE c.generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats') AND c.known
                GROUP BY c.campaign
            )
        )
    )
);

CREATE VIEW channels AS -- one row per campaign and channel that it was distributed to, that reported figures, or that brought participants: their participants add up to the campaign's
SELECT
    campaign AS eventId,                             -- the campaign
    CAST(channel AS TEXT) AS channel,                -- one of the five channels, onsite, other, or unknown where a registration names none
    kst(distributed_at) AS distributedAt,            -- latest completed distribution to the channel; NULL where there was none
    CAST(cost AS INTEGER) AS cost,                   -- sum of the costs of the distributions to the channel, in won; NULL where none stated one
    CAST(impressions AS INTEGER) AS impressions,     -- impressions, cumulative, as the channel last reported them
    CAST(views AS INTEGER) AS views,                 -- views, cumulative, as the channel last reported them
    CAST(clicks AS INTEGER) AS clicks,               -- clicks, cumulative, as the channel last reported them
    CAST(likes AS INTEGER) AS likes,                 -- likes, cumulative, as the channel last reported them
    CAST(comments AS INTEGER) AS comments,           -- comments, cumulative, as the channel last reported them
    CAST(shares AS INTEGER) AS shares,               -- shares, cumulative, as the channel last reported them
    CAST(exposure AS INTEGER) AS exposure,           -- the larger of impressions and views
    CAST(participants AS INTEGER) AS participants,   -- registrations through the channel
    per_head(cost) AS costPerParticipant,            -- cost / participants in won, halves away from zero
    percent(participants, divisor) AS conversionPercent, -- participants / what conversionOf names
    CAST(CASE WHEN exposure IS NOT NULL THEN 'exposure'
         WHEN clicks IS NOT NULL THEN 'clicks'
         WHEN reactions IS NOT NULL THEN 'reactions' END AS TEXT) AS conversionOf, -- exposure, or where that is not known clicks, or else reactions: likes, comments and shares together
    kst(fetched_at) AS fetchedAt                     -- latest report of the channel; NULL where it never reported
FROM (
    SELECT *, coalesce(exposure, clicks, reactions) AS divisor, nullif(cost_won, 9223372036854775807) AS cost
    FROM (
        SELECT *,
            max(coalesce(impressions, views), coalesce(views, impressions)) AS exposure,
            CASE WHEN coalesce(likes, comments, shares) IS NOT NULL
                 THEN coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) END AS reactions
        FROM (
            SELECT s.campaign, s.channel, s.distributed_at, s.cost_won, s.impressions, s.views, s.clicks, s.likes, s.comments, s.shares, s.participants, s.fetched_at
            FROM channel_stats AS s
            JOIN event_stats AS c
                ON c.generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats') AND c.campaign = s.campaign AND c.known
            WHERE s.generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
                AND s.channel IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao')
            UNION ALL
            -- Of the others only the participants count. Those that no channel has are unknown.
            SELECT campaign, named, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                CASE named WHEN 'onsite' THEN onsite WHEN 'other' THEN other ELSE rest END, NULL
            FROM (
                SELECT c.campaign,
                    coalesce(sum(s.participants) FILTER (WHERE s.channel = 'onsite'), 0) AS onsite,
                    coalesce(sum(s.participants) FILTER (WHERE s.channel NOT IN ('wooridongnetv', 'genietv', 'instagram', 'naver', 'kakao', 'onsite', 'unknown')), 0) AS other,
                    c.participants - coalesce(sum(s.participants) FILTER (WHERE s.channel <> 'unknown'), 0) AS rest
                FROM event_stats AS c
                LEFT JOIN channel_stats AS s
                    ON s.generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats') AND s.campaign = c.campaign
                WHERE c.generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats') AND c.known
                GROUP BY c.campaign
            )
            CROSS JOIN (SELECT 'onsite' AS named UNION ALL SELECT 'other' UNION ALL SELECT 'unknown')
        )
        WHERE participants <> 0 OR distributed_at IS NOT NULL OR fetched_at IS NOT NULL
    )
);

CREATE VIEW hours AS -- one row per hour of a campaign with a registration
SELECT
    h.campaign AS eventId,                           -- the campaign
    kst(h.hour) AS start,                            -- start of the hour
    CAST(date(h.hour / 1000000, 'unixepoch', '+9 hours') AS TEXT) AS day, -- its day in Seoul, as 2026-11-24
    CAST(((h.hour + 32400000000) / 86400000000 + 3) % 7 AS INTEGER) AS weekday, -- day of the week in Seoul: 0 is Monday, 6 Sunday
    CAST((h.hour / 3600000000 + 9) % 24 AS INTEGER) AS hourOfDay, -- hour of the day in Seoul, 0 to 23
    h.participants                                   -- registrations within the hour
FROM participation_hourly AS h
JOIN event_stats AS c
    ON c.generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats') AND c.campaign = h.campaign AND c.known
WHERE h.generation = (SELECT active_generation FROM projections WHERE projection = 'participation_hourly');

CREATE VIEW profiles AS -- one row per campaign, dimension and label
SELECT
    campaign AS eventId,                             -- the campaign
    CAST(dimension AS TEXT) AS dimension,            -- gender, ageGroup, region or customer
    CAST(kept AS TEXT) AS label,                     -- the label: of customer always new, returning and unknown, of the others those that occur, the 50 most frequent and other
    CAST(sum(participants) AS INTEGER) AS participants -- registrations with the label
FROM (
    SELECT campaign, dimension, participants,
        CASE WHEN dimension <> 'customer' AND row_number() OVER (PARTITION BY campaign, dimension ORDER BY label = 'other', participants DESC, label) > 50 THEN 'other' ELSE label END AS kept
    FROM (
        SELECT c.campaign, d.dimension, l.key AS label, l.value AS participants
        FROM event_stats AS c
        CROSS JOIN (SELECT 'gender' AS dimension UNION ALL SELECT 'ageGroup' UNION ALL SELECT 'region' UNION ALL SELECT 'customer') AS d
        LEFT JOIN participant_profile AS p
            ON p.generation = (SELECT active_generation FROM projections WHERE projection = 'participant_profile') AND p.campaign = c.campaign
        JOIN json_each(CASE d.dimension WHEN 'gender' THEN coalesce(p.gender, '{}') WHEN 'ageGroup' THEN coalesce(p.age_group, '{}') WHEN 'region' THEN coalesce(p.region, '{}')
            ELSE json_patch('{"new":0,"returning":0,"unknown":0}', coalesce(p.customer, '{}')) END) AS l
        WHERE c.generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats') AND c.known
    )
)
GROUP BY campaign, dimension, kept;

CREATE VIEW shops AS -- one row per shop. A sum is of the campaigns of which the number is known; NULL where it is of none
SELECT
    storeId,                                         -- the shop
    CAST(campaigns AS INTEGER) AS campaigns,         -- its campaigns
    CAST(totalParticipants AS INTEGER) AS totalParticipants, -- registrations of its campaigns
    CAST(newCustomers AS INTEGER) AS newCustomers,   -- registrations of new customers, by their own statement
    CAST(totalExposure AS INTEGER) AS totalExposure, -- sum of the exposures
    CAST(totalCost AS INTEGER) AS totalCost,         -- sum of the costs in won
    CAST(expectedRevenue AS INTEGER) AS expectedRevenue, -- sum of the expected revenues in won
    percent(gained - spent, spent) AS roiPercent,    -- (expectedRevenue - totalCost) / totalCost, over the campaigns that have begun, have participants, and of which both are known
    CAST(missingExposure AS INTEGER) AS missingExposure, -- campaigns that are not in totalExposure
    CAST(missingCost AS INTEGER) AS missingCost,     -- campaigns that are not in totalCost
    CAST(missingRevenue AS INTEGER) AS missingRevenue, -- campaigns that are not in expectedRevenue
    CAST(missingRoi AS INTEGER) AS missingRoi        -- campaigns that are not in roiPercent
FROM (
    SELECT storeId,
        count(*) AS campaigns,
        sum(totalParticipants) AS totalParticipants,
        sum(newCustomers) AS newCustomers,
        exact_sum(totalExposure) AS totalExposure,
        exact_sum(totalCost) AS totalCost,
        exact_sum(expectedRevenue) AS expectedRevenue,
        exact_sum(spent) AS spent,
        exact_sum(gained) AS gained,
        count(*) - count(totalExposure) AS missingExposure,
        count(*) - count(totalCost) AS missingCost,
        count(*) - count(expectedRevenue) AS missingRevenue,
        count(*) - count(spent) AS missingRoi
    FROM (
        SELECT *,
            CASE WHEN counts THEN totalCost END AS spent,
            CASE WHEN counts THEN expectedRevenue END AS gained
        FROM (
            SELECT *, state <> 'planned' AND totalParticipants > 0 AND totalCost IS NOT NULL AND expectedRevenue IS NOT NULL AS counts
            FROM campaigns
        )
    )
    GROUP BY storeId
);
