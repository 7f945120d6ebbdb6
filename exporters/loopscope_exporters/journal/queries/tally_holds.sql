-- Released permits by resource and line; see `loopscope.diagnosis.tally`.
SELECT resource, place, COUNT(*) AS count, 0 AS failed, SUM(released - acquired) AS total,
       MAX(released - acquired) AS longest, 0 AS active, MIN(acquired) AS first, MAX(released) AS last
FROM holds GROUP BY resource, place
