-- The arithmetic of campaigns, in another language than it is made in. An unknown input is
-- NULL. Times are seconds since 1970 in UTC; a day is one of Asia/Seoul, 9 hours ahead.
--
--   campaign  id, now, starts, ends, prize, platform, increase, baseline, ltv, participants,
--             new_customers, goal_metric, goal_target
--   channel   campaign, name, distributed, fetched, cost, participants, and the figures
--   hour      campaign, at, participants
--
-- Table number gets a row for each number that is known.

CREATE TABLE place AS
SELECT column1 AS name, column2 AS nth, column3 AS chosen FROM (
  VALUES ('wooridongnetv', 1, 1), ('genietv', 2, 1), ('instagram', 3, 1), ('naver', 4, 1), ('kakao', 5, 1),
         ('onsite', 6, 1), ('other', 7, 0), ('unknown', 8, 0)
);

CREATE TABLE shown AS
SELECT c.*, p.nth, p.chosen,
       -- Both were reported: the larger. One was: that one.
       max(coalesce(impressions, views), coalesce(views, impressions)) AS exposure,
       CASE WHEN coalesce(likes, comments, shares) IS NOT NULL
            THEN coalesce(likes, 0) + coalesce(comments, 0) + coalesce(shares, 0) END AS reactions
FROM channel AS c JOIN place AS p USING (name)
WHERE participants > 0 OR distributed IS NOT NULL OR fetched IS NOT NULL;

CREATE TABLE channels AS
SELECT campaign AS id, sum(exposure) AS exposure, sum(cost) AS stated, count(distributed) FILTER (WHERE cost IS NULL) AS unstated
FROM shown GROUP BY campaign;
CREATE INDEX channels_of ON channels (id);

CREATE TABLE money AS
SELECT c.*, d.exposure, coalesce(d.unstated, 0) AS unstated,
       CASE WHEN coalesce(d.unstated, 0) = 0 THEN coalesce(d.stated, 0) ELSE d.stated END AS distribution,
       prize + platform + coalesce(d.stated, 0) AS cost,
       CASE WHEN increase IS NOT NULL OR ltv IS NOT NULL THEN coalesce(increase, 0) + coalesce(ltv, 0) * new_customers END AS revenue,
       CASE WHEN now < starts THEN 'planned' WHEN now >= ends THEN 'ended' ELSE 'running' END AS state
FROM campaign AS c LEFT JOIN channels AS d USING (id);

CREATE INDEX money_of ON money (id);

-- The hours of a campaign's own period: to a week after its end, or two days from now; and from
-- a day before its start, or a year before the last of them where no start is known.
CREATE TABLE until AS
SELECT h.*, m.starts, max(h.at) OVER (PARTITION BY h.campaign) AS last
FROM hour AS h JOIN money AS m ON m.id = h.campaign
WHERE h.at < m.now + 2 * 86400 AND h.at < coalesce(m.ends + 7 * 86400, h.at + 1);

CREATE TABLE own AS
SELECT campaign, at, participants, (at + 32400) / 86400 AS day, (at + 32400) / 3600 % 24 AS hour,
       ((at + 32400) / 86400 + 3) % 7 AS weekday -- 1970 began on a Thursday
FROM until WHERE at >= coalesce(starts - 86400, last - 366 * 86400);

CREATE INDEX own_of ON own (campaign, at);

CREATE TABLE best_day AS
SELECT campaign, day, sum(participants) AS n, row_number() OVER (PARTITION BY campaign ORDER BY sum(participants) DESC, day) AS rank
FROM own GROUP BY campaign, day;

CREATE TABLE best_hour AS
SELECT campaign, hour, sum(participants) AS n, row_number() OVER (PARTITION BY campaign ORDER BY sum(participants) DESC, hour) AS rank
FROM own GROUP BY campaign, hour;

CREATE TABLE best_channel AS
SELECT campaign, name, participants AS n, row_number() OVER (PARTITION BY campaign ORDER BY participants DESC, nth) AS rank
FROM shown WHERE chosen AND participants > 0;

CREATE TABLE running AS
SELECT m.id, (now + 32400) / 86400 * 86400 - 32400 AS today, now / 3600 * 3600 AS this_hour, coalesce(m.starts, min(o.at)) AS begin
FROM money AS m LEFT JOIN own AS o ON o.campaign = m.id
WHERE state = 'running' GROUP BY m.id;

CREATE TABLE stretch AS
SELECT id, 'today' AS name, begin, today AS start, this_hour AS stop, today - 86400 AS earlier_start, this_hour - 86400 AS earlier_stop
  FROM running WHERE begin IS NOT NULL
UNION ALL SELECT id, 'yesterday', begin, today - 86400, today, today - 8 * 86400, today - 7 * 86400 FROM running WHERE begin < today
UNION ALL SELECT id, 'lastSevenDays', begin, today - 7 * 86400, today, today - 14 * 86400, today - 7 * 86400 FROM running WHERE begin < today;

CREATE TABLE compared AS
SELECT id, name, start, stop,
       (SELECT coalesce(sum(participants), 0) FROM hour WHERE campaign = id AND at >= start AND at < stop) AS n,
       -- Only where the campaign ran through all of the earlier stretch, which is not empty.
       CASE WHEN begin <= earlier_start AND earlier_start < earlier_stop
            THEN (SELECT coalesce(sum(participants), 0) FROM hour WHERE campaign = id AND at >= earlier_start AND at < earlier_stop)
       END AS before
FROM stretch;

CREATE TABLE number AS
WITH number(id, name, value) AS (
  SELECT id, 'state', state FROM money
  UNION ALL SELECT id, 'totalParticipants', participants FROM money
  UNION ALL SELECT id, 'totalExposure', exposure FROM money
  -- A division by 0 is NULL.
  UNION ALL SELECT id, 'roiPercent', (revenue - cost) * 100.0 / cost FROM money WHERE state <> 'planned' AND participants > 0
  UNION ALL SELECT id, 'salesGrowthPercent', increase * 100.0 / baseline FROM money
  UNION ALL SELECT id, 'costPerParticipant', (2 * cost + participants) / (2 * participants) FROM money
  UNION ALL SELECT id, 'missing.prizeCost', 'yes' FROM money WHERE prize IS NULL
  UNION ALL SELECT id, 'missing.platformCost', 'yes' FROM money WHERE platform IS NULL
  UNION ALL SELECT id, 'missing.baselineSales', 'yes' FROM money WHERE baseline IS NULL
  UNION ALL SELECT id, 'missing.expectedSalesIncrease', 'yes' FROM money WHERE increase IS NULL
  UNION ALL SELECT id, 'missing.newCustomerLtv', 'yes' FROM money WHERE increase IS NULL AND ltv IS NULL
  UNION ALL SELECT id, 'missing.exposure', 'yes' FROM money WHERE exposure IS NULL
  UNION ALL SELECT id, 'missing.distributionCost', 'yes' FROM money WHERE unstated > 0
  UNION ALL SELECT id, 'distributionCost', distribution FROM money
  UNION ALL SELECT id, 'totalCost', cost FROM money
  UNION ALL SELECT id, 'expectedRevenue', revenue FROM money
  UNION ALL SELECT id, 'breakEvenNewCustomers',
    CASE WHEN coalesce(increase, 0) >= cost THEN 0 ELSE (cost - coalesce(increase, 0) + ltv - 1) / ltv END
    FROM money WHERE revenue IS NOT NULL
  UNION ALL SELECT id, 'goal.reached', iif(goal_metric = 'participants', participants, new_customers) FROM money WHERE goal_metric IS NOT NULL
  UNION ALL SELECT id, 'goal.percent', iif(goal_metric = 'participants', participants, new_customers) * 100.0 / goal_target
    FROM money WHERE goal_metric IS NOT NULL
  UNION ALL SELECT campaign, name || '.participants', participants FROM shown
  UNION ALL SELECT campaign, name || '.exposure', exposure FROM shown
  UNION ALL SELECT campaign, name || '.cost', cost FROM shown
  UNION ALL SELECT campaign, name || '.costPerParticipant', (2 * cost + participants) / (2 * participants) FROM shown
  UNION ALL SELECT campaign, name || '.conversionOf',
    CASE WHEN exposure IS NOT NULL THEN 'exposure' WHEN clicks IS NOT NULL THEN 'clicks' WHEN reactions IS NOT NULL THEN 'reactions' END
    FROM shown
  UNION ALL SELECT campaign, name || '.conversionPercent', participants * 100.0 / coalesce(exposure, clicks, reactions) FROM shown
  UNION ALL SELECT campaign, 'channels', sum(participants) FROM channel GROUP BY campaign
  UNION ALL SELECT campaign, 'heat.' || weekday || '.' || hour, sum(participants) FROM own GROUP BY campaign, weekday, hour
  UNION ALL SELECT campaign, 'best.day', day * 86400 - 32400 FROM best_day WHERE rank = 1
  UNION ALL SELECT campaign, 'best.day.participants', n FROM best_day WHERE rank = 1
  UNION ALL SELECT campaign, 'best.hourOfDay', hour FROM best_hour WHERE rank = 1
  UNION ALL SELECT campaign, 'best.hourOfDay.participants', n FROM best_hour WHERE rank = 1
  UNION ALL SELECT campaign, 'best.channel', name FROM best_channel WHERE rank = 1
  UNION ALL SELECT campaign, 'best.channel.participants', n FROM best_channel WHERE rank = 1
  UNION ALL SELECT id, name || '.from', start FROM compared
  UNION ALL SELECT id, name || '.to', stop FROM compared
  UNION ALL SELECT id, name || '.participants', n FROM compared
  UNION ALL SELECT id, name || '.before', before FROM compared
  UNION ALL
    SELECT id, 'today.soFar', (SELECT coalesce(sum(participants), 0) FROM hour WHERE campaign = id AND at >= today AND at < this_hour + 3600)
    FROM running WHERE begin IS NOT NULL
)
SELECT id, name, value FROM number WHERE value IS NOT NULL;
