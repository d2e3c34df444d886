-- A naive fold of exported JSON lines up to position ?1: what dashboards must show, in
-- another language than they are made in. Table lines holds a line of the export in
-- each row.
CREATE TABLE exported AS
  SELECT line ->> 'position' AS position, line ->> 'type' AS type, line ->> 'campaign' AS campaign,
         line ->> 'occurredAt' AS occurred_at, line -> 'event' AS body
  FROM lines;

-- One row for each campaign, each number of it, and its value.
WITH
event AS (SELECT * FROM exported WHERE position <= ?1),
registration AS (SELECT * FROM event WHERE type = 'ParticipantRegistered'),
-- A campaign that was created again is what the log said last.
created AS (
  SELECT campaign, body, row_number() OVER (PARTITION BY campaign ORDER BY position DESC) AS age
  FROM event WHERE type = 'EventCreated'
),
-- Instants sort as text once they all have nine digits.
said AS (
  SELECT e.campaign, e.body ->> 'channel' AS channel, f.key AS figure, f.value,
         row_number() OVER (
           PARTITION BY e.campaign, e.body ->> 'channel', f.key
           ORDER BY substr(rtrim(e.body ->> 'fetchedAt', 'Z') || iif(instr(e.body ->> 'fetchedAt', '.'), '', '.') || '000000000', 1, 29) DESC,
                    e.position DESC) AS age
  FROM event AS e, json_each(e.body) AS f
  WHERE e.type = 'ChannelStatsFetched' AND f.key IN ('impressions', 'views', 'clicks', 'likes', 'comments', 'shares')
),
figure AS (SELECT campaign, channel, figure, value FROM said WHERE age = 1),
cost AS (
  SELECT e.campaign, sum(coalesce(d.value ->> 'cost', 0)) AS won
  FROM event AS e, json_each(e.body, '$.distributedChannels') AS d
  WHERE e.type = 'DistributionCompleted'
  GROUP BY 1
)
SELECT campaign, 'position', max(position) FROM event GROUP BY 1
UNION ALL SELECT campaign, 'participants', count(*) FROM registration GROUP BY 1
UNION ALL SELECT campaign, 'newCustomers', count(*) FROM registration WHERE body ->> 'newCustomer' GROUP BY 1
UNION ALL SELECT campaign, 'prizeCost', coalesce(body ->> 'prizeCost', 0) FROM created WHERE age = 1
UNION ALL SELECT campaign, 'salesIncrease', coalesce(body ->> 'expectedSalesIncrease', 0) FROM created WHERE age = 1
UNION ALL SELECT campaign, 'distributionCost', won FROM cost
UNION ALL SELECT campaign, channel || '.' || figure, value FROM figure
UNION ALL
  SELECT campaign, channel || '.exposure',
         max(value)
  FROM figure WHERE figure IN ('impressions', 'views') GROUP BY 1, channel
UNION ALL SELECT campaign, 'hour.' || substr(occurred_at, 1, 13), count(*) FROM registration GROUP BY 1, 2
UNION ALL SELECT campaign, 'gender.' || coalesce(body ->> 'gender', 'unknown'), count(*) FROM registration GROUP BY 1, 2
UNION ALL SELECT campaign, 'ageGroup.' || coalesce(body ->> 'ageGroup', 'unknown'), count(*) FROM registration GROUP BY 1, 2
UNION ALL SELECT campaign, 'region.' || coalesce(body ->> 'region', 'unknown'), count(*) FROM registration GROUP BY 1, 2
