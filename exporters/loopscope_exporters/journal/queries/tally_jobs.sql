-- Ended jobs by name; see `loopscope.diagnosis.tally`.
SELECT name, COUNT(*) AS count, SUM(outcome <> 'ok') AS failed, SUM(ended - started) AS total,
       MAX(ended - started) AS longest, 0 AS active, MIN(started) AS first, MAX(ended) AS last
FROM jobs GROUP BY name
