-- Ended work items by executor, function and line; see `loopscope.diagnosis.tally`. One that never started was
-- queued to its end.
SELECT executor, function, place, COUNT(*) AS count, SUM(outcome <> 'ok') AS failed,
       SUM(CASE WHEN started > 0 THEN started ELSE ended END - submitted) AS total,
       MAX(CASE WHEN started > 0 THEN started ELSE ended END - submitted) AS longest,
       SUM(CASE WHEN started > 0 THEN ended - started ELSE 0 END) AS active,
       MIN(submitted) AS first, MAX(ended) AS last
FROM items GROUP BY executor, function, place
