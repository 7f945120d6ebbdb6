-- Ended tasks by coroutine and creation site; see `loopscope.diagnosis.tally`.
SELECT coroutine, place, COUNT(*) AS count, SUM(outcome <> 'ok') AS failed, SUM(ended - created) AS total,
       MAX(ended - created) AS longest, SUM(running) AS active, MIN(created) AS first, MAX(ended) AS last
FROM tasks GROUP BY coroutine, place
