-- Ended waits by kind, line and resource; see `loopscope.diagnosis.tally`.
SELECT kind, place, resource, COUNT(*) AS count, SUM(outcome <> 'ok') AS failed, SUM(ended - started) AS total,
       MAX(ended - started) AS longest, 0 AS active, MIN(started) AS first, MAX(ended) AS last
FROM waits GROUP BY kind, place, resource
